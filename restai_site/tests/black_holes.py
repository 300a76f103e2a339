"""Servers that take connections and say nothing, or hang up at once."""

import socket
import threading
from types import TracebackType
from typing import Self


class BlackHole:
    """Accepts whoever connects and never answers; `connections` counts them.

    With `hangs_up` it closes each connection instead.
    """

    def __init__(self, *, hangs_up: bool = False) -> None:
        self.connections = 0
        self._hangs_up = hangs_up
        self._open: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def redis_url(self) -> str:
        return f"redis://:secret@127.0.0.1:{self._server.getsockname()[1]}/0"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()
        for one in self._open:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            if self._hangs_up:
                connection.close()
            else:
                self._open.append(connection)
