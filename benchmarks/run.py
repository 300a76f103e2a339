"""`make bench`: measures one web worker of the platform against a mock provider that takes 0 ms.

Everything is on, as in production: the key is checked, grants are looked up, and a usage row is
durable before the last byte leaves. PostgreSQL keeps its safety against crashes. The mock is
measured alone too: what remains of a machine when nobody stands between client and provider.
"""

import argparse
import contextlib
import http.client
import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import psutil

from benchmarks.load import Figures
from benchmarks.world import MODEL, STALLING_MODEL
from restai_site.embedded import postgres, valkey, web
from restai_site.embedded.installation import OPEN_TO_PASS, SECRETS

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parent.parent
CONCURRENCY = (1, 16, 64)
# Beyond this the figures stand still; the time limit is for slow machines.
REQUESTS = {1: 600, 16: 3000, 64: 3000}
SECONDS_PER_RUN = 25.0
WARM_UP_REQUESTS = 100
OPEN_STREAMS = 500
START_SECONDS = 60.0
COLUMNS = (
    "target", "stream", "connections", "requests/s", "p50 ms", "p99 ms", "first p50 ms",
    "first p99 ms", "CPU ms/request", "RSS MB", "share of mock", "errors",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it is, how it is called, and which processes it is made of."""

    name: str
    url: str
    key: str
    model: str
    process: psutil.Popen

    def cpu_seconds(self) -> float:
        """Return the processor time that all its processes have taken so far."""
        times = [process.cpu_times() for process in self._tree()]
        return sum(time.user + time.system for time in times)

    def resident_mb(self) -> float:
        """Return the resident memory of its largest process, the worker, in megabytes."""
        return max(process.memory_info().rss for process in self._tree()) / 1e6

    def _tree(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    server: str
    stream: bool
    concurrency: int
    figures: Figures
    cpu_ms: float
    resident_mb: float


def main() -> int:
    """Measure as the command line says; return 1 when an answer was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests")
    parser.add_argument("--server", choices=["uvicorn", "granian"], default="uvicorn")
    parser.add_argument("--mock-only", action="store_true", help="leave the platform out")
    given = parser.parse_args()
    if find_spec(given.server) is None:
        raise SystemExit(f"{given.server} is not installed here: pip install {given.server}")
    _allow_many_connections()
    _say_where(given.server)
    with tempfile.TemporaryDirectory(prefix="restai-bench-") as name:
        folder = Path(name)
        folder.chmod(OPEN_TO_PASS)
        return _measure_all(folder, given)


def _measure_all(folder: Path, given: argparse.Namespace) -> int:
    share = 0.1 if given.quick else 1.0
    with _mock() as mock:
        rows = _measure(mock, share)
        _print_rows(rows, {})
        if given.mock_only:
            return int(any(row.figures.errors for row in rows))
        floor = {(row.stream, row.concurrency): row.figures.rate for row in rows}
        with _platform(folder, mock, given.server) as server:
            own = _measure(server, share)
            _print_rows(own, floor)
            beside = _beside_open_streams(server)
    return int(any(row.figures.errors for row in own) or beside.errors > 0)


def _measure(server: Server, share: float) -> list[Row]:
    _load(server, WARM_UP_REQUESTS, 8, stream=False)
    _load(server, WARM_UP_REQUESTS, 8, stream=True)
    return [
        _measure_one(server, int(REQUESTS[concurrency] * share), concurrency, stream=stream)
        for stream in (False, True)
        for concurrency in CONCURRENCY
    ]


def _measure_one(server: Server, requests: int, concurrency: int, *, stream: bool) -> Row:
    before = server.cpu_seconds()
    figures = _load(server, requests, concurrency, stream=stream)
    cpu = (server.cpu_seconds() - before) * 1000 / max(figures.requests + figures.errors, 1)
    return Row(server.name, stream, concurrency, figures, cpu, server.resident_mb())


def _load(server: Server, requests: int, concurrency: int, *, stream: bool) -> Figures:
    words = ["--requests", requests, "--concurrency", concurrency, "--seconds", SECONDS_PER_RUN]
    return _generate(server, [*words, *(["--stream"] if stream else [])])


def _beside_open_streams(server: Server) -> Figures:
    """Print the latency of plain requests while many streams are open and silent."""
    words = ["--beside", OPEN_STREAMS, "--stalling-model", STALLING_MODEL]
    figures = _generate(server, words)
    print(
        f"\nBeside {OPEN_STREAMS} open silent streams a plain request takes "
        f"{figures.p50:.1f} ms (p50), {figures.p99:.1f} ms (p99); "
        f"{figures.errors} errors; worker at {server.resident_mb():.0f} MB."
    )
    if figures.errors:
        print(f"For example: {figures.example_of_error}")
    return figures


def _generate(server: Server, words: Sequence[object]) -> Figures:
    command: list[object] = [sys.executable, "-m", "benchmarks.load", "--url", server.url]
    command += ["--key", server.key, "--model", server.model, *words]
    text = [str(word) for word in command]
    done = subprocess.run(text, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = orjson.loads(done.stdout)
    return Figures(**found)


def _print_rows(rows: list[Row], floor: Mapping[tuple[bool, int], float]) -> None:
    if rows and not floor:
        print("| " + " | ".join(COLUMNS) + " |")
        print("|" + "---|" * len(COLUMNS))
    for row in rows:
        print("| " + " | ".join(_cells(row, floor)) + " |", flush=True)
    for row in rows:
        if row.figures.errors:
            print(f"{row.server}, {row.concurrency}: {row.figures.example_of_error}")


def _cells(row: Row, floor: Mapping[tuple[bool, int], float]) -> list[str]:
    figures = row.figures
    alone = floor.get((row.stream, row.concurrency))
    return [
        row.server,
        "yes" if row.stream else "no",
        str(row.concurrency),
        f"{figures.rate:.0f}",
        *(f"{value:.1f}" for value in (figures.p50, figures.p99)),
        *(f"{value:.1f}" for value in (figures.first_p50, figures.first_p99)),
        f"{row.cpu_ms:.2f}",
        f"{row.resident_mb:.0f}",
        f"{figures.rate / alone:.1%}" if alone else "",
        str(figures.errors),
    ]


@contextlib.contextmanager
def _mock() -> Iterator[Server]:
    command = [sys.executable, "-m", "benchmarks.mock_provider", "--port", "0"]
    with _running(command, os.environ, stdout=subprocess.PIPE) as process:
        port = int(process.stdout.readline())
        url = f"http://{HOST}:{port}/v1/chat/completions"
        yield Server("mock alone", url, "none", "mock", process)


@contextlib.contextmanager
def _platform(folder: Path, mock: Server, kind: str) -> Iterator[Server]:
    """Run one web worker on engines of its own."""
    with _engines(folder) as environment:
        environment["NETWORK_PROVIDER_HOSTS"] = f"{HOST}:{urlsplit(mock.url).port}"
        manage = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"]
        subprocess.run(manage, cwd=ROOT, env=environment, check=True)
        base = mock.url.removesuffix("/chat/completions")
        made = [sys.executable, "-m", "benchmarks.world", base]
        key = subprocess.run(
            made, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout.split()[-1]
        port = _free_port()
        log = folder / "web.log"
        with log.open("wb") as output, _running(_command(kind, port), environment, output) as web:
            _wait_until_live(web, port, log)
            url = f"http://{HOST}:{port}/v1/chat/completions"
            yield Server(f"platform ({kind})", url, key, MODEL, web)


@contextlib.contextmanager
def _engines(folder: Path) -> Iterator[dict[str, str]]:
    secrets = {name: make() for name, make in SECRETS.items()}
    try:
        database = postgres.start(folder / "postgres")
        redis = valkey.start(folder / "valkey")
        settings = {"DJANGO_SETTINGS_MODULE": "restai_site.settings", "LOG_LEVEL": "WARNING"}
        urls = {"DATABASE_URL": database, "REDIS_URL": redis}
        yield dict(os.environ) | secrets | settings | urls
    finally:
        valkey.stop(folder / "valkey")
        postgres.remove(folder / "postgres")
        shutil.rmtree(folder / "valkey", ignore_errors=True)


def _command(kind: str, port: int) -> list[str]:
    """Return the command line of one web worker."""
    if kind == "uvicorn":
        return web.command(HOST, port)
    return [
        *(sys.executable, "-m", "granian", "--host", HOST, "--port", str(port), "--workers", "1"),
        *("--interface", "asginl", "--no-ws", "--log-level", "warning", web.APPLICATION),
    ]


@contextlib.contextmanager
def _running(
    command: list[str], environment: Mapping[str, str], stdout: Any
) -> Iterator[psutil.Popen]:
    process = psutil.Popen(command, cwd=ROOT, env=dict(environment), stdout=stdout)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except psutil.TimeoutExpired:
            for child in [*process.children(recursive=True), process]:
                child.kill()


def _wait_until_live(web: psutil.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and web.poll() is None:
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health/live")
            if connection.getresponse().status == 200:
                return
        connection.close()
        time.sleep(0.1)
    raise SystemExit(f"The web server did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port: int = taken.getsockname()[1]
        return port


def _allow_many_connections() -> None:
    """Raise the limit of open files: a stream takes two in the worker, one on each side."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _say_where(server: str) -> None:
    today = datetime.now(UTC).date().isoformat()
    memory = psutil.virtual_memory().total / 1e9
    print(
        f"{today}, {os.cpu_count()} CPUs ({_processor()}), {memory:.0f} GB, "
        f"{platform.system()}, Python {platform.python_version()}, {server}, one worker\n",
        flush=True,
    )


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main())
