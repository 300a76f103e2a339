"""The embedded PostgreSQL and Valkey: started, found again, killed, healed."""

import os
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from restai_site.embedded import keys, postgres, processes, valkey

pytestmark = pytest.mark.slow


@pytest.fixture
def folder():
    """A folder with a space in its name that PostgreSQL's own account can reach."""
    with tempfile.TemporaryDirectory(prefix="restai test ", dir="/tmp") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def database(folder):
    yield folder / "postgres"
    postgres.remove(folder / "postgres")


@pytest.fixture
def store(folder):
    yield folder / "valkey"
    valkey.stop(folder / "valkey")


def ask(url, question):
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(question).fetchone()[0]


def do(url, statement):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def kill(process):
    process.kill()
    process.wait()


def test_postgres_has_vectors_and_two_roles_without_superuser(database):
    owner = postgres.start(database)
    web = postgres.url(database, postgres.WEB_ROLE)
    assert ask(owner, "SELECT '[1,2]'::vector <-> '[1,4]'::vector") == 2
    for url in (owner, web):
        assert ask(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    assert ask(owner, "SHOW fsync") == "on"


def test_postgres_lets_nobody_in_without_a_password(database):
    url = postgres.start(database)
    password = url.split(":")[2].split("@")[0]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(password, "wrong"))
    assert stat.S_IMODE((database / "restai_owner.password").stat().st_mode) == 0o600


def test_the_serving_role_cannot_change_the_schema(database):
    postgres.start(database)
    web = postgres.url(database, postgres.WEB_ROLE)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        do(web, "CREATE TABLE intruder (id integer)")


def test_a_second_start_of_postgres_finds_the_first(database):
    url = postgres.start(database)
    number = postgres.running(database).pid
    assert postgres.start(database) == url
    assert postgres.running(database).pid == number


def test_postgres_stops_and_starts_with_its_data(database):
    url = postgres.start(database)
    do(url, "CREATE TABLE kept AS SELECT 7 AS n")
    postgres.stop(database)
    assert postgres.running(database) is None
    assert ask(postgres.start(database), "SELECT n FROM kept") == 7


def test_a_killed_postgres_keeps_what_was_committed(database):
    url = postgres.start(database)
    do(url, "CREATE TABLE kept (n integer)")
    for _ in range(50):
        do(url, "INSERT INTO kept VALUES (1)")
    kill(postgres.running(database))
    assert ask(postgres.start(database), "SELECT count(*) FROM kept") == 50


def test_a_lock_file_that_names_a_stranger_does_not_stop_postgres(database):
    postgres.start(database)
    kill(postgres.running(database))
    cluster = server_folder(database)
    lines = (cluster / "postmaster.pid").read_text().splitlines()
    (cluster / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert postgres.running(database) is None
    postgres.start(database)
    assert psutil.pid_exists(os.getpid()), "the stranger was left alone"
    assert postgres.running(database).pid != os.getpid()


def server_folder(database):
    note = database / "location"
    return (Path(note.read_text().strip()) if note.exists() else database) / "cluster"


def test_a_half_made_cluster_is_made_again(database):
    draft = database / "cluster.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    assert ask(postgres.start(database), "SELECT 1") == 1
    assert not draft.exists()


def test_a_path_that_is_too_long_for_a_socket_works(folder):
    data = folder / ("long" * 30) / "postgres"
    data.parent.mkdir(mode=0o711)
    try:
        assert ask(postgres.start(data), "SELECT 1") == 1
    finally:
        postgres.remove(data)


def test_a_folder_closed_to_the_account_is_left_closed(folder, capsys):
    folder.chmod(0o700)
    data = folder / "postgres"
    try:
        assert ask(postgres.start(data), "SELECT 1") == 1
        home = server_folder(data).parent
        # Only root runs PostgreSQL under another account, for which the folder is closed.
        elsewhere = os.geteuid() == 0
        assert (home == data) is not elsewhere
        assert (f"its data go to {home}" in capsys.readouterr().out) is elsewhere
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        postgres.remove(data)
    assert not home.exists()


def test_valkey_asks_for_a_password_and_listens_on_loopback_alone(store):
    url = valkey.start(store)
    password = url.split(":")[2].split("@")[0]
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(url.replace(password, "wrong")).ping()
    listening = {
        c.laddr.ip for c in valkey.running(store).net_connections() if c.status == "LISTEN"
    }
    assert listening == {"127.0.0.1"}
    assert stat.S_IMODE((store / "valkey.conf").stat().st_mode) == 0o600


def test_a_killed_valkey_keeps_what_was_confirmed(store):
    client = redis.Redis.from_url(valkey.start(store))
    for n in range(1000):
        client.rpush("queue", n)
    kill(valkey.running(store))
    assert redis.Redis.from_url(valkey.start(store)).llen("queue") == 1000


def test_a_second_start_of_valkey_finds_the_first(store):
    url = valkey.start(store)
    number = valkey.running(store).pid
    assert valkey.start(store) == url
    assert valkey.running(store).pid == number


def test_valkey_moves_when_its_port_is_taken(store):
    valkey.start(store)
    valkey.stop(store)
    with socket.socket() as other:
        # Connections of before may still be closing there.
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int((store / "port").read_text())))
        other.listen()
        assert redis.Redis.from_url(valkey.start(store)).ping()


def test_only_our_own_processes_are_found(folder):
    def sleeper(owner):
        environment = os.environ | {processes.OWNER_VARIABLE: str(owner)}
        return subprocess.Popen(["sleep", "60"], env=environment)

    with sleeper(folder) as ours, sleeper(f"{folder}2") as other:
        time.sleep(0.1)
        assert [process.pid for process in processes.owned_by(folder)] == [ours.pid]
        processes.end(processes.owned_by(folder))
        assert not psutil.pid_exists(ours.pid)
        assert other.poll() is None
        other.kill()


def test_a_process_that_ignores_the_request_is_forced(folder):
    script = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1); time.sleep(60)"
    stubborn = processes.spawn(
        [sys.executable, "-u", "-c", script], owner=folder, log=folder / "out", folder=folder
    )
    while not (folder / "out").read_text():
        time.sleep(0.02)
    processes.end([stubborn], seconds=0.2)
    assert processes.owned_by(folder) == []


def test_a_secret_is_made_once_and_kept_private(tmp_path):
    first = keys.kept(tmp_path / "secret", keys.random_text)
    assert keys.kept(tmp_path / "secret", keys.random_text) == first
    assert len(first) >= 64
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
