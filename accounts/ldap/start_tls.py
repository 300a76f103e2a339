"""StartTLS (RFC 4511, section 4.14): asks a directory to begin TLS on an open connection.

Spoken here and not by libldap, which is handed a connection only once it is encrypted. The answer
is read to its last byte and no further, so that nothing sent in clear text behind it is taken for
what came through TLS.
"""

import socket
import time

from restai_site.lib.errors import DomainError

# An LDAPMessage of messageID 1 with an ExtendedRequest for the OID 1.3.6.1.4.1.1466.20037.
REQUEST = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
SEQUENCE, INTEGER, ENUMERATED, EXTENDED_RESPONSE = 0x30, 0x02, 0x0A, 0x78
LONG_FORM = 0x80
ANSWER_MAX_BYTES = 8192


class StartTlsRefused(DomainError):
    """The server did not agree to begin TLS, so nothing more was sent to it."""

    code = "start_tls_refused"
    status = 502

    def __init__(self) -> None:
        super().__init__(
            "The directory does not begin TLS at this port: choose LDAPS, or another port."
        )


def start_tls(connection: socket.socket, *, end: float) -> None:
    """Ask for TLS; return once the server has agreed.

    `end` is the moment of the monotonic clock at which to give up. Raises StartTlsRefused, and
    OSError where the connection breaks or the time is up.
    """
    connection.settimeout(max(end - time.monotonic(), 0.001))
    connection.sendall(REQUEST)
    try:
        _check_answer(_read_message(connection, end))
    except (IndexError, ValueError):
        raise StartTlsRefused from None


def _read_message(connection: socket.socket, end: float) -> bytes:
    """Return the one message that is an answer, without its own tag and length."""
    tag, length = _read(connection, 2, end)
    if length & LONG_FORM:
        length = int.from_bytes(_read(connection, length & ~LONG_FORM, end))
    if tag != SEQUENCE or length > ANSWER_MAX_BYTES:
        raise ValueError
    return _read(connection, length, end)


def _read(connection: socket.socket, count: int, end: float) -> bytes:
    received = b""
    while len(received) < count:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        piece = connection.recv(count - len(received))
        if not piece:
            raise ConnectionResetError
        received += piece
    return received


def _check_answer(message: bytes) -> None:
    tag, number, rest = _element(message)
    if (tag, number) != (INTEGER, b"\x01"):
        raise ValueError
    tag, response, _ = _element(rest)
    if tag != EXTENDED_RESPONSE:
        raise ValueError
    tag, code, _ = _element(response)
    if (tag, code) != (ENUMERATED, b"\x00"):
        raise ValueError


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Return the tag and content of the first element of `data` (BER), and what follows it."""
    tag, length, start = data[0], data[1], 2
    if length & LONG_FORM:
        start += length & ~LONG_FORM
        length = int.from_bytes(data[2:start])
    if len(data) < start + length:
        raise ValueError
    return tag, data[start : start + length], data[start + length :]
