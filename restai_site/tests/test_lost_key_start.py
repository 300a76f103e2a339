"""No door of the server opens with keys that do not fit the stored secrets; real processes."""

import http.client
import json
import os
import socket
import subprocess
import sys

import pytest
from django.db import connection

from catalog.models import ProviderAccount
from restai_site.embedded import web
from restai_site.embedded.keys import fernet_key
from restai_site.embedded.run import QUIET_AS_ROOT
from restai_site.tests.server import ROOT, Server, database_url, free_port

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

SENTENCE = (
    "FIELD_ENCRYPTION_KEY does not open the secrets in catalog_provideraccount.api_key: add the "
    "key that they were written with to the end of the list (docs/operations.md)."
)
WORKER = ["-W", QUIET_AS_ROOT, "-m", "celery", "--quiet", "--app", "restai_site.celery", "worker"]
DOORS = {
    "web server": web.command("127.0.0.1", 0)[1:],
    "worker": [*WORKER, "--concurrency", "1", "--loglevel", "WARNING"],
    "worker with beat": [*WORKER, "--beat", "--concurrency", "1", "--loglevel", "WARNING"],
    "setup": ["manage.py", "setup", "--print-link"],
    "wsgi": ["-c", "import restai_site.wsgi"],
}


@pytest.fixture
def account(transactional_db):
    return ProviderAccount.objects.create(name="P", kind="openai", api_key="sk-a-secret")


def run(command, **environment):
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=Server(**environment).environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("door", DOORS)
def test_a_wrong_key_stops_the_start_with_one_sentence(account, door):
    ended = run(DOORS[door], FIELD_ENCRYPTION_KEY=fernet_key())
    assert ended.returncode != 0
    assert (ended.stderr, ended.stdout) == (SENTENCE + "\n", "")


def test_several_web_processes_do_not_try_again_for_ever(account):
    command = web.command("127.0.0.1", free_port(), 2)[1:]
    ended = run(command, FIELD_ENCRYPTION_KEY=fernet_key())
    *sentences, last = ended.stderr.splitlines()
    assert set(sentences) == {SENTENCE}
    assert last.endswith("failed to start, stopping the parent process.")


@pytest.mark.parametrize("which", ["first", "last"])
def test_one_secret_at_either_end_of_the_table_is_enough(account, which):
    rows = ProviderAccount.objects.bulk_create(
        [ProviderAccount(name=f"{n}", kind="openai", api_key="k") for n in range(5)]
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalog_provideraccount SET api_key = 'damaged' WHERE id = %s",
            [account.pk if which == "first" else rows[-1].pk],
        )
    ended = run(DOORS["setup"])
    assert (ended.returncode, ended.stderr) == (1, SENTENCE + "\n")


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "check"],
        ["manage.py", "migrate", "--verbosity", "0"],
        ["manage.py", "makemigrations", "--check", "--dry-run"],
        ["manage.py", "collectstatic", "--no-input", "--dry-run", "--verbosity", "0"],
    ],
    ids=lambda command: command[1],
)
def test_commands_that_need_no_secret_do_not_ask(account, command):
    ended = run(command, FIELD_ENCRYPTION_KEY=fernet_key())
    assert (ended.returncode, ended.stderr) == (0, "")


def get(server, path):
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    link.request("GET", path)
    answer = link.getresponse()
    return answer.status, json.loads(answer.read())


def test_with_the_old_key_at_the_end_of_the_list_the_server_starts(account):
    keys = f"{fernet_key()},{os.environ['FIELD_ENCRYPTION_KEY']}"
    with Server(FIELD_ENCRYPTION_KEY=keys) as server:
        assert get(server, "/health/ready") == (
            200,
            {
                "status": "ok",
                "database": "ok",
                "redis": "ok",
                "secrets": "ok",
                "rate_limits": "ok",
            },
        )


def test_a_database_that_is_away_does_not_stop_the_start():
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    with Server(DATABASE_URL=away) as server:
        assert get(server, "/health/live") == (200, {"status": "ok"})
        status, body = get(server, "/health/ready")
    assert status == 503
    assert (body["database"], body["redis"], body["secrets"]) == (
        "unavailable",
        "ok",
        "unavailable",
    )


def test_a_database_that_does_not_answer_holds_the_start_up_for_seconds_only():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/nothing"
        with Server(DATABASE_URL=url) as server:
            assert get(server, "/health/live") == (200, {"status": "ok"})


def test_a_database_without_tables_does_not_stop_the_start(account):
    """The tables come with `migrate`, which may be run later."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA empty_for_test")
    try:
        url = f"{database_url()}&options=-csearch_path%3Dempty_for_test"
        with Server(DATABASE_URL=url, FIELD_ENCRYPTION_KEY=fernet_key()) as server:
            assert get(server, "/health/live") == (200, {"status": "ok"})
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA empty_for_test")
