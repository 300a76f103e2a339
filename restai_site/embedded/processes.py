"""Starting, finding again and ending the processes of the embedded default."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import psutil

# Every process started here carries the folder that it belongs to in its environment, from where
# its own children inherit it. A process number can be given to a stranger after a crash; this
# cannot, so that only our own left-overs are ever ended.
OWNER_VARIABLE = "RESTAI_EMBEDDED_IN"
TERMINATE_SECONDS = 8.0
LOOPBACK = "127.0.0.1"

# Kept because Python warns about, and does not reap, a child whose handle is gone.
_children: list[subprocess.Popen[bytes]] = []


class EngineFailed(SystemExit):
    """An engine did not start; the sentence says which one and where its log is."""


def spawn(
    command: Sequence[str | Path],
    *,
    owner: Path,
    log: Path,
    folder: Path,
    account: str | None = None,
) -> psutil.Process:
    """Start `command` in a session of its own, so that Ctrl-C in the terminal does not reach it."""
    with _opened(log) as stream:
        child = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=dict(os.environ) | {OWNER_VARIABLE: str(owner)},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            user=account,
            group=account,
            extra_groups=None if account is None else [],
        )
    _children.append(child)
    return psutil.Process(child.pid)


def _opened(log: Path) -> IO[bytes]:
    """Open `log` for more lines; only its owner may read them, for they can quote data."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return os.fdopen(descriptor, "ab")


def is_alive(process: psutil.Process) -> bool:
    """Return whether `process` still runs; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def owned_by(folder: Path) -> list[psutil.Process]:
    """Return the running processes that were started for `folder`."""
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and _owner(process) == str(folder) and is_alive(process)
    ]


def _owner(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(OWNER_VARIABLE)
    except (psutil.Error, OSError):
        return None


def end(
    processes: Sequence[psutil.Process],
    *,
    seconds: float = TERMINATE_SECONDS,
    request: signal.Signals = signal.SIGTERM,
    force: signal.Signals = signal.SIGKILL,
) -> None:
    """Send `processes` the signal `request`, and `force` to those still there after `seconds`."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(request)
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    for process in filter(is_alive, alive):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(force)
    psutil.wait_procs(alive, timeout=TERMINATE_SECONDS)


def wait_until(ready: Callable[[], bool], *, process: psutil.Process, seconds: float) -> bool:
    """Return whether `ready` came true within `seconds` while `process` stayed alive."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and is_alive(process):
        if ready():
            return True
        time.sleep(0.02)
    return False


def port_is_free(port: int, host: str = LOOPBACK) -> bool:
    """Return whether a server could listen on `port` of the address `host`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def remembered_port(file: Path) -> int:
    """Return the port of loopback kept in `file` if it is free, else a new one, which is kept."""
    with contextlib.suppress(OSError, ValueError):
        port = int(file.read_text(encoding="ascii"))
        if port_is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = int(probe.getsockname()[1])
    file.write_text(str(port), encoding="ascii")
    return port
