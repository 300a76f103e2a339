"""A website of somebody else's, at an origin of its own, whose pages hold the tag of a widget."""

import threading
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

# Opens the closed tree to the tests, as no page of a website can once the chat is there.
OPEN_SHADOW = """
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (options) {
  return attach.call(this, { ...options, mode: "open" });
};
"""


class HostPage(AbstractContextManager["HostPage"]):
    """Serves one page at every path, made of `head` and `html`; `policy` is a CSP."""

    def __init__(self) -> None:
        self.html, self.head, self.policy = "", "", ""
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                icon = '<link rel="icon" href="data:,">'
                body = (
                    f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">{icon}'
                    '<meta name="viewport" content="width=device-width, initial-scale=1">'
                    f"<title>Shop</title>{page.head}</head><body>{page.html}</body></html>"
                ).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                if page.policy:
                    self.send_header("Content-Security-Policy", page.policy)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
