"""Sessions of `requests` for libraries that call identity providers by it.

Synchronous, and for few calls: connections are not kept. Every one is opened by `connect`, so each
resolved address is judged and the connection goes to the very address that was judged. TLS is
verified by the name in the address. Redirects are not followed.
"""

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Timer
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError
from yarl import URL

from restai_site.lib.configuration import current
from restai_site.lib.egress.network import NetworkSection, Purpose
from restai_site.lib.egress.sockets import ConnectFailed, connect
from restai_site.lib.egress.trust import tls_context
from restai_site.lib.egress.urls import check_url, is_web_port, target_of
from restai_site.lib.errors import Invalid

PURPOSE = Purpose.IDENTITY
# To connect, and to wait for each piece of an answer.
STEP_SECONDS = 5.0
# From the name to the last byte.
TOTAL_SECONDS = 15.0
MAX_BYTES = 1024 * 1024
PIECE_BYTES = 16 * 1024
# What every failure of a session is, an answer that is no JSON among them.
RequestFailed = requests.RequestException
Response = requests.Response


class NotSent(RequestFailed):
    """The address is one that nothing may be sent to."""


class TooMuch(RequestFailed):
    """The answer is too large, comes too slowly, or leads elsewhere."""


# A second handle of each socket, which stays whoever takes over or closes the first.
_opened: ContextVar[list[socket.socket] | None] = ContextVar("opened", default=None)


class _Connection(HTTPConnection):
    """A connection through the one way out."""

    def _new_conn(self) -> socket.socket:
        return _open(self)


class _TLSConnection(HTTPSConnection):
    """A connection through the one way out, then encrypted."""

    def _new_conn(self) -> socket.socket:
        return _open(self)


def _open(connection: HTTPConnection) -> socket.socket:
    try:
        opened = connect(connection.host, connection.port, purpose=PURPOSE, timeout=STEP_SECONDS)
    except ConnectFailed as error:
        raise NewConnectionError(connection, error.message) from None
    noted = _opened.get()
    if noted is not None:
        noted.append(opened.dup())
    return opened


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class _Adapter(HTTPAdapter):
    """Sends over connections of ours, and trusts what the system trusts."""

    def init_poolmanager(self, *_: Any, **__: Any) -> None:
        """Make the pools, whose connections are those above."""
        self.poolmanager = PoolManager(num_pools=1, maxsize=1, timeout=STEP_SECONDS)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return where to connect to, and that certificates are verified whatever was asked for."""
        host, _ = super().build_connection_pool_key_attributes(request, verify=True)
        secured: dict[str, Any] = {"ssl_context": tls_context("http")}
        return host, secured | {"cert_reqs": "CERT_REQUIRED"} if host["scheme"] == "https" else {}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the pool as it was made: it verifies."""


class Session(requests.Session):
    """Sends to web servers that may be reached, and reads bounded answers.

    Every failure is a RequestFailed: an address that `check_url` refuses, http:// to a host that no
    administrator has listed, a redirect, an answer over MAX_BYTES or TOTAL_SECONDS.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.headers["Accept-Encoding"] = "identity"
        self.adapters.clear()
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter(max_retries=0))

    def merge_environment_settings(self, *_: Any) -> Any:
        """Return what holds for each request, whatever its caller or the environment says."""
        return {"proxies": {}, "stream": True, "verify": True, "cert": None}

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Judge the address as it came: preparing writes some anew that are not valid."""
        _check(str(request.url))
        return super().prepare_request(request)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return nothing, or the base class would read the answer to the end, however long."""

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        """Send one request and return its answer, read to the end."""
        _check(request.url or "")
        options: dict[str, Any] = {"stream": True, "verify": True, "allow_redirects": False}
        end = time.monotonic() + TOTAL_SECONDS
        with _cut_at_the_end():
            response = super().send(request, timeout=STEP_SECONDS, proxies={}, **options)
            try:
                if response.is_redirect:
                    raise TooMuch("The server redirects.")
                response._content = _body(response, end)
            finally:
                response.close()
        # An answer that is whole stays; nothing reads from the connection again.
        response._content_consumed = True
        self.cookies.clear()
        return response


@contextmanager
def _cut_at_the_end() -> Iterator[None]:
    """Cut what is opened inside when its time is over, whatever it waits for."""
    opened: list[socket.socket] = []
    mark = _opened.set(opened)
    timer = Timer(TOTAL_SECONDS, _cut, [opened])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        _opened.reset(mark)
        for handle in opened:
            handle.close()


def _cut(opened: list[socket.socket]) -> None:
    for handle in opened:
        with suppress(OSError):  # it has ended by itself
            handle.shutdown(socket.SHUT_RDWR)


def _check(url: str) -> None:
    """Raise NotSent unless something may be sent to `url`; the address is judged on connecting."""
    try:
        checked = URL(check_url(url))
    except (Invalid, ValueError):
        raise NotSent("The address is not valid.") from None
    target = target_of(checked)
    if target in current(NetworkSection).listed[PURPOSE]:
        return
    if checked.scheme != "https":
        raise NotSent("The address must begin with https://.")
    if not is_web_port(target[1]):
        raise NotSent("The address names a port where no web server is expected.")


def _body(response: requests.Response, end: float) -> bytes:
    pieces, size = [], 0
    try:
        for piece in response.raw.stream(PIECE_BYTES, decode_content=True):
            size += len(piece)
            if size > MAX_BYTES:
                raise TooMuch("The answer is too large.")
            pieces.append(piece)
    except (HTTPError, OSError) as error:
        if isinstance(error, RequestFailed):
            raise
        raise TooMuch("The answer breaks off.") from None
    if time.monotonic() > end:
        # What was cut may look like an answer that has come to its end.
        raise TooMuch("The answer is too slow.")
    return b"".join(pieces)


def json_object(response: requests.Response) -> Mapping[str, Any]:
    """Return the JSON object that a successful answer holds. Raises RequestFailed."""
    response.raise_for_status()
    found = response.json()
    if not isinstance(found, dict):
        raise TooMuch("The answer is no JSON object.")
    return found
