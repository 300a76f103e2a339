"""The one way out: every outbound connection of the platform is opened here.

`check_url` looks at the text of an address, `request` and `fetch` send requests to it, `connect`
opens a connection for other protocols, and `tls_context` is what encrypts it. Every resolved
address is judged by a table of our own (`addresses`), the connection goes to the very address that
was judged, and nothing is connected to that is not public unless an administrator has listed it
(`network`). Proxy variables are not read and cookies are not kept. No other module opens a
connection; `make lint` sees to it.
"""

from restai_site.lib.egress.addresses import Reach, reach_of
from restai_site.lib.egress.client import (
    Fetched,
    FetchFailed,
    Limits,
    choose_session,
    fetch,
    request,
)
from restai_site.lib.egress.network import NetworkSection, Purpose, host_and_port
from restai_site.lib.egress.sessions import AddressRefused, close_all, session
from restai_site.lib.egress.sockets import ConnectFailed, check_server, connect
from restai_site.lib.egress.trust import tls_context
from restai_site.lib.egress.urls import check_url

__all__ = [
    "AddressRefused",
    "ConnectFailed",
    "FetchFailed",
    "Fetched",
    "Limits",
    "NetworkSection",
    "Purpose",
    "Reach",
    "check_server",
    "check_url",
    "choose_session",
    "close_all",
    "connect",
    "fetch",
    "host_and_port",
    "reach_of",
    "request",
    "session",
    "tls_context",
]
