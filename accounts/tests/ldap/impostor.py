"""What stands where a directory should: it strips StartTLS, says nothing, or never stops.

`behaviour` chooses what it does:

    strip        refuses StartTLS and takes everything else
    pretend      agrees to StartTLS and goes on in clear text
    ahead        agrees, and sends an answer in clear text behind it, before TLS begins
    odd          answers StartTLS with what is no answer
    foreign      answers StartTLS with the answer to another request
    silent       accepts connections and says nothing
    silent-tls   the same, behind TLS
    dribble-tls  sends the beginning of an answer byte by byte behind TLS, without end
    record-tls   agrees to the first bind behind TLS, and takes everything after it
    endless-tls  answers every search with entries, without end
"""

import contextlib
import socketserver
import ssl
import threading
import time
from typing import Self

from restai_site.tests.loopback import loopback_port

# LDAPMessages of messageID 1: an ExtendedResponse of success and of protocolError, a BindResponse.
AGREED = bytes.fromhex("300c02010178070a010004000400")
REFUSED = bytes.fromhex("300c02010178070a010204000400")
BOUND = bytes.fromhex("300c02010161070a010004000400")
OF_ANOTHER = bytes.fromhex("300c02010278070a010004000400")
STARTTLS_OID = b"1.3.6.1.4.1.1466.20037"


def entry(number: int) -> bytes:
    """Return a SearchResultEntry, of 60 kB, to the search with that messageID."""
    name = b"\x04\x84" + (60_000).to_bytes(4, "big") + b"x" * 60_000
    found = name + b"\x30\x00"
    operation = b"\x64\x84" + len(found).to_bytes(4, "big") + found
    message = b"\x02\x01" + bytes([number]) + operation
    return b"\x30\x84" + len(message).to_bytes(4, "big") + message


class Impostor:
    """Runs in threads; use as a context manager. `received` is what it was sent, decrypted."""

    def __init__(self, behaviour: str, tls: ssl.SSLContext | None = None) -> None:
        self.behaviour, self.tls = behaviour, tls
        self.received = b""
        self.connections = 0
        self.stopped = threading.Event()

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"impostor": self})
        self._server = _Server(("127.0.0.1", loopback_port()), handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Handler(socketserver.BaseRequestHandler):
    impostor: Impostor

    def handle(self) -> None:
        self.impostor.connections += 1
        # Clients that hang up are what most of the tests want.
        with contextlib.suppress(OSError):
            if self.impostor.tls and self.impostor.behaviour.endswith("tls"):
                self.request = self.impostor.tls.wrap_socket(self.request, server_side=True)
            getattr(self, f"_{self.impostor.behaviour.replace('-', '_')}")()

    def _read(self) -> bytes:
        piece = self.request.recv(65536)
        self.impostor.received += piece
        return piece

    def _answer(self, message: bytes) -> None:
        if STARTTLS_OID in self._read():
            self.request.sendall(message)
        while self._read():
            pass

    def _strip(self) -> None:
        self._answer(REFUSED)

    def _pretend(self) -> None:
        self._answer(AGREED)

    def _odd(self) -> None:
        self._answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    def _foreign(self) -> None:
        self._answer(OF_ANOTHER)

    def _ahead(self) -> None:
        if STARTTLS_OID in self._read():
            self.request.sendall(AGREED + BOUND)
        self.request = self.impostor.tls.wrap_socket(self.request, server_side=True)
        while self._read():
            pass

    def _silent(self) -> None:
        while self._read():
            pass

    _silent_tls = _silent

    def _dribble_tls(self) -> None:
        self._read()
        self.request.sendall(b"\x30\x84\x7f\xff\xff\xff")
        while not self.impostor.stopped.is_set():
            self.request.sendall(b"\x02")
            time.sleep(0.1)

    def _record_tls(self) -> None:
        self._read()
        self.request.sendall(BOUND)
        while self._read():
            pass

    def _endless_tls(self) -> None:
        self._read()
        self.request.sendall(BOUND)
        self._read()
        while not self.impostor.stopped.is_set():
            self.request.sendall(entry(2))
