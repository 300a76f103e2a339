"""A real ASGI server on the test database, for tests that need sockets, loops and threads."""

import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from restai_site.embedded import web

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def database_url() -> str:
    """Return the URL of the database that the tests use."""
    values = connection.settings_dict
    login = f"{values['USER']}:{quote(values['PASSWORD'] or '', safe='')}"
    host = quote(str(values["HOST"]), safe="")
    return f"postgresql://{login}@/{values['NAME']}?host={host}&port={values['PORT']}"


class Server:
    """The web server in a process of its own; use as a context manager.

    What it says goes to the file `log`, or where the tests' own words go.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        database: str = "",
        log: Path | None = None,
        **environment: str,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.workers = workers
        self.log = log
        self.environment = {
            **os.environ,
            "DATABASE_URL": database or database_url(),
            "REDIS_URL": settings.REDIS_URL,
            "DATABASE_THREADS": "4",
            "PUBLIC_URL": self.url,
            "SETTINGS_REFRESH_MILLISECONDS": "200",
            **environment,
        }

    def __enter__(self) -> Self:
        command = web.command("127.0.0.1", self.port, self.workers)
        with ExitStack() as files:
            out = files.enter_context(self.log.open("wb")) if self.log else None
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                start_new_session=True,
                stdout=out,
                stderr=out,
            )
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"The server ended with {self.process.returncode}.")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("The server did not start.")
