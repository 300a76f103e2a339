"""Ports of this machine that a test run keeps for its own servers.

The platform connects to no internal address unless it is listed; these are, by the environment
variable that a real installation would use.
"""

import os
import random
import socket
from itertools import cycle

COUNT = 40
VARIABLE = "NETWORK_PROVIDER_HOSTS"
MAIL_VARIABLE = "NETWORK_MAIL_HOSTS"
IDENTITY_VARIABLE = "NETWORK_IDENTITY_HOSTS"
AUDIT_VARIABLE = "NETWORK_AUDIT_HOSTS"
# Nothing listens there.
CLOSED = "127.0.0.1:9"
HOSTS = ("127.0.0.1", "localhost")
# Below the ports from which Linux serves outgoing connections.
LOWEST, HIGHEST = 12_000, 31_000


def reserve() -> None:
    """Choose ports that are free now and list them in the environment."""
    candidates = range(LOWEST, HIGHEST)
    chosen: list[int] = []
    while len(chosen) < COUNT:
        port = random.SystemRandom().choice(candidates)
        if _is_free(port):
            chosen.append(port)
    by_number, by_name = ([f"{host}:{port}" for port in chosen] for host in HOSTS)
    os.environ[VARIABLE] = ",".join([CLOSED, *by_number])
    os.environ[MAIL_VARIABLE] = ",".join(by_number + by_name)
    os.environ[IDENTITY_VARIABLE] = ",".join(by_number + by_name)
    os.environ[AUDIT_VARIABLE] = ",".join(by_number + by_name)


def loopback_port() -> int:
    """Return the next of the ports; they come round again after COUNT of them."""
    if not _ports:
        listed = os.environ[VARIABLE].split(",")[1:]
        _ports.append(cycle([int(entry.rpartition(":")[2]) for entry in listed]))
    while not _is_free(port := next(_ports[0])):
        pass
    return port


_ports: list[cycle] = []


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
