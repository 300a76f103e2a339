"""Carries bytes between a verified connection and libldap, and ends in time.

libldap gets one end of a pair of local sockets, so it never knows an address that it could connect
to, and TLS, with its checks of names and authorities, is Python's alone.
"""

import selectors
import socket
import ssl
import time
from contextlib import suppress
from threading import Thread

CHUNK_BYTES = 64 * 1024
# A directory that sends more in one session is not answering what it was asked.
RECEIVED_MAX_BYTES = 16 * 1024 * 1024


def relayed(outside: socket.socket, *, end: float) -> socket.socket:
    """Return the local end of a relay to `outside`, which it closes when it is done.

    It is done when either side hangs up, after RECEIVED_MAX_BYTES, and at `end`, a moment of the
    monotonic clock, whatever anybody does.
    """
    inside, handed = socket.socketpair()
    Thread(target=_carry, args=(outside, inside, end), name="ldap-relay", daemon=True).start()
    return handed


def _carry(outside: socket.socket, inside: socket.socket, end: float) -> None:
    received = 0
    # What breaks a connection ends the relay; libldap sees that it was hung up on.
    with outside, inside, selectors.DefaultSelector() as selector, suppress(OSError):
        for side in (outside, inside):
            selector.register(side, selectors.EVENT_READ)
        while (left := end - time.monotonic()) > 0 and received <= RECEIVED_MAX_BYTES:
            ready = {key.fileobj for key, _ in selector.select(0 if _holds(outside) else left)}
            if inside in ready:
                _send(outside, _receive(inside), end)
            if outside in ready or _holds(outside):
                piece = _receive(outside)
                received += len(piece)
                _send(inside, piece, end)


def _holds(outside: socket.socket) -> bool:
    """Return whether TLS has decrypted more than was asked for: the system knows nothing of it."""
    pending = getattr(outside, "pending", None)
    return pending is not None and pending() > 0


def _receive(side: socket.socket) -> bytes:
    """Return what is there: nothing where TLS has only talked to itself.

    Raises ConnectionResetError where the other side has hung up.
    """
    # Never waits: behind a ticket of TLS 1.3 there is nothing to read until the other side sends.
    side.settimeout(0)
    try:
        piece = side.recv(CHUNK_BYTES)
    except (BlockingIOError, ssl.SSLWantReadError):
        return b""
    if not piece:
        raise ConnectionResetError
    return piece


def _send(side: socket.socket, piece: bytes, end: float) -> None:
    side.settimeout(max(end - time.monotonic(), 0.001))
    side.sendall(piece)
