"""Places that take the trail, on loopback: a web server and a syslog server, real sockets both."""

import json
import re
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from restai_site.tests.loopback import loopback_port
from restai_site.tests.waiting import eventually

FRAME = re.compile(rb"(\d+) ")


class WebReceiver:
    """Takes POST requests and answers `status`; keeps each as its headers and its body."""

    def __init__(self) -> None:
        self.status = 204
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.asked: list[tuple[str, str]] = []
        self.port = loopback_port()
        self.url = f"http://127.0.0.1:{self.port}/audit"

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.status < 300:
                    receiver.taken.append((dict(self.headers), body))
                    receiver.asked.append((self.command, self.path))
                self.send_response(receiver.status)
                if receiver.status == 302:
                    self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.taken]


class SyslogReceiver:
    """Takes frames that say their length, with or without TLS."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self.messages: list[str] = []
        self.port = loopback_port()

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def wait_for(self, count: int) -> list[str]:
        return eventually(lambda: self.messages[:count] * (len(self.messages) >= count), seconds=10)

    def _serve(self) -> None:
        while True:
            try:
                opened, _ = self._socket.accept()
                if self._context is not None:
                    opened = self._context.wrap_socket(opened, server_side=True)
                self._take(opened)
            except ssl.SSLError:
                continue
            except OSError:
                return

    def _take(self, opened: socket.socket) -> None:
        data = b""
        with opened:
            while piece := opened.recv(65536):
                data += piece
        while match := FRAME.match(data):
            end = match.end() + int(match[1])
            self.messages.append(data[match.end() : end].decode())
            data = data[end:]
        assert data == b""
