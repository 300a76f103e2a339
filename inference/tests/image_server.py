"""A web server on loopback that serves images, good and hostile, and keeps count."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

PIECE = bytes(65536)
STEP_SECONDS = 0.05
GIVE_UP_SECONDS = 30


@dataclass
class Page:
    """What is answered at a path: after `wait` is set, `body`, endless when there is none."""

    body: bytes | None = b""
    kind: str = "image/png"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait: threading.Event | None = None


class ImageServer:
    """The server in threads of this process: `with ImageServer() as images:`."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.connections = 0
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.hung_up: list[str] = []
        self.open = 0
        self.most_open = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = self._server.server_address[1]
        self.host = f"127.0.0.1:{self.port}"

    def put(self, path: str, body: bytes | None, **more: Any) -> str:
        """Serve `body` at `path` and return its address."""
        self.pages[path] = Page(body, **more)
        return f"http://{self.host}{path}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        with self._lock:
            self.requests.append((handler.path, dict(handler.headers)))
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        try:
            self._answer(handler, self.pages.get(handler.path, Page(b"Not here", status=404)))
        except (BrokenPipeError, ConnectionResetError):
            self.hung_up.append(handler.path)
        finally:
            with self._lock:
                self.open -= 1

    def _answer(self, handler: BaseHTTPRequestHandler, page: Page) -> None:
        handler.send_response(page.status)
        handler.send_header("Content-Type", page.kind)
        for name, value in page.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if page.wait is not None:
            self._wait(handler, page.wait)
        if page.body is not None:
            handler.wfile.write(page.body)
        while page.body is None:
            handler.wfile.write(PIECE)

    def _wait(self, handler: BaseHTTPRequestHandler, event: threading.Event) -> None:
        """Drip a byte now and then, to notice a client that hangs up."""
        end = time.monotonic() + GIVE_UP_SECONDS
        while not event.wait(STEP_SECONDS) and time.monotonic() < end:
            if event is NEVER:
                handler.wfile.write(b"\0")


# For pages that only drip.
NEVER = threading.Event()


def _handler(images: ImageServer) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            images.connections += 1
            super().setup()

        def do_GET(self) -> None:
            images.serve(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
