"""The rotation as a process of its own: killed, interrupted, and among others who write."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import psycopg
import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.db import transaction

from audit.models import Entry
from catalog.models import ProviderAccount
from catalog.services import create_provider, update_provider
from restai_site.embedded.keys import fernet_key
from restai_site.lib.crypto.columns import Column, encrypted_columns
from restai_site.tests.server import ROOT, Server, database_url
from restai_site.tests.world import SYSTEM

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

OLD, NEW = os.environ["FIELD_ENCRYPTION_KEY"], fernet_key()
ROWS = 3000
BATCH = 100
MIDDLE = ROWS // 2
WAIT_SECONDS = 60
WAITERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND wait_event_type = 'Lock' AND query LIKE '%FOR NO KEY UPDATE%'"
)


@pytest.fixture
def accounts(transactional_db):
    """Some thousand accounts under the old key, in the order of their numbers."""
    return ProviderAccount.objects.bulk_create(
        [ProviderAccount(name=f"P{n}", kind="openai", api_key=f"secret-{n}") for n in range(ROWS)]
    )


class Rotation:
    """One run of the command."""

    def __init__(self, *words: str, keys: str = f"{NEW},{OLD}") -> None:
        command = [sys.executable, "manage.py", "rotate_encryption_key", *words]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=Server(FIELD_ENCRYPTION_KEY=keys).environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode, out, err

    def wait_until_it_waits(self) -> None:
        """Wait until it has come to a row that somebody else has locked."""
        wait_for_waiters(1, [self])


def wait_for_waiters(many: int, rotations: list[Rotation]) -> None:
    """Wait until so many of the rotations wait for a lock."""
    end = time.monotonic() + WAIT_SECONDS
    with psycopg.connect(database_url(), autocommit=True) as watcher:
        while watcher.execute(WAITERS).fetchone() != (many,):
            assert all(one.process.poll() is None for one in rotations)
            assert time.monotonic() < end
            time.sleep(0.02)


@contextmanager
def locked(row):
    """Hold a lock on a row, as a write does that is not committed yet."""
    with psycopg.connect(database_url()) as other:
        other.execute("SELECT FROM catalog_provideraccount WHERE id = %s FOR UPDATE", [row.pk])
        yield
        other.rollback()


def opens(key: str, token: str) -> bool:
    try:
        Fernet(key).decrypt(token)
    except InvalidToken:
        return False
    return True


def under_new() -> int:
    """Return how many tokens are under the new key; the others must be under the old one."""
    tokens = [row.token for row in the_column().rows()]
    assert all(opens(NEW, token) or opens(OLD, token) for token in tokens)
    return sum(opens(NEW, token) for token in tokens)


def the_column() -> Column:
    model = ProviderAccount
    return next(column for column in encrypted_columns() if column.model is model)


def recorded() -> int:
    entries = Entry.objects.filter(action="encryption.rotate")
    return sum(entry.changes["secrets"] for entry in entries)


def assert_all_is_well(use_keys, rows: int = ROWS) -> None:
    """Assert that every secret is under the new key and what it was, and that each is recorded."""
    assert under_new() == rows
    assert recorded() == rows
    use_keys(NEW)
    secrets = ProviderAccount.objects.order_by("pk").values_list("api_key", flat=True)
    assert list(secrets[:ROWS]) == [f"secret-{n}" for n in range(ROWS)]


def test_killed_in_the_middle_it_goes_on_where_it_was(accounts, use_keys):
    """kill -9 between the lock and the commit of a batch."""
    with locked(accounts[MIDDLE + 50]):
        first = Rotation("--batch-size", str(BATCH))
        first.wait_until_it_waits()
        first.process.kill()
        assert first.ended()[0] == -signal.SIGKILL
    assert under_new() == MIDDLE
    assert recorded() == MIDDLE
    kept = {row.key: row.token for row in the_column().rows() if opens(NEW, row.token)}
    use_keys(NEW, OLD)
    assert ProviderAccount.objects.get(pk=accounts[0].pk).api_key == "secret-0"
    assert ProviderAccount.objects.get(pk=accounts[-1].pk).api_key == f"secret-{ROWS - 1}"
    status, out, err = Rotation("--batch-size", str(BATCH)).ended()
    assert (status, out.endswith("may now be removed from FIELD_ENCRYPTION_KEY.\n")) == (0, True)
    assert f"{ROWS} of {ROWS} looked at" in err
    assert_all_is_well(use_keys)
    now = {row.key: row.token for row in the_column().rows()}
    assert {key: now[key] for key in kept} == kept


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_after_the_batch(accounts, use_keys, number):
    with locked(accounts[MIDDLE + 50]):
        first = Rotation("--batch-size", str(BATCH))
        first.wait_until_it_waits()
        first.process.send_signal(number)
        time.sleep(0.5)
        assert first.process.poll() is None
    status, out, err = first.ended()
    assert (status, out) == (1, "")
    lines = err.splitlines()
    assert lines[-1].endswith("Stopped after a whole batch. Run this again to go on.")
    assert f"catalog_provideraccount.api_key: {MIDDLE + BATCH} of {ROWS} looked at" in lines
    assert "Traceback" not in err
    assert under_new() == recorded() == MIDDLE + BATCH
    assert Rotation().ended()[0] == 0
    assert_all_is_well(use_keys)


def test_a_second_ctrl_c_rolls_the_batch_back(accounts):
    with locked(accounts[MIDDLE + 50]):
        first = Rotation("--batch-size", str(BATCH))
        first.wait_until_it_waits()
        first.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        first.process.send_signal(signal.SIGINT)
        status, _, err = first.ended()
    assert status == 128 + signal.SIGINT
    assert "Traceback" not in err
    assert under_new() == recorded() == MIDDLE


def test_what_somebody_writes_meanwhile_is_never_lost(accounts, use_keys):
    changed, before = accounts[MIDDLE], accounts[MIDDLE - 1]
    use_keys(NEW, OLD)
    with transaction.atomic():
        update_provider(changed, {"api_key": "written meanwhile"}, actor=SYSTEM)
        run = Rotation("--batch-size", str(BATCH))
        run.wait_until_it_waits()
    with transaction.atomic():
        update_provider(before, {"api_key": "written after"}, actor=SYSTEM)
    create_provider({"name": "New", "kind": "openai", "api_key": "made meanwhile"}, actor=SYSTEM)
    status, out, _ = run.ended()
    assert status == 0, out
    assert under_new() == ROWS + 1
    use_keys(NEW)
    read = dict(ProviderAccount.objects.values_list("name", "api_key"))
    assert read.pop(changed.name) == "written meanwhile"
    assert read.pop(before.name) == "written after"
    assert read.pop("New") == "made meanwhile"
    assert read == {name: name.replace("P", "secret-") for name in read}


def test_rows_that_are_deleted_meanwhile_do_not_matter(accounts, use_keys):
    with transaction.atomic():
        gone = [one.pk for one in accounts[MIDDLE : MIDDLE + 10]]
        ProviderAccount.objects.filter(pk__in=gone).delete()
        run = Rotation("--batch-size", str(BATCH))
        run.wait_until_it_waits()
    assert run.ended()[0] == 0
    assert under_new() == recorded() == ROWS - 10


def test_what_a_process_with_the_old_list_writes_meanwhile_is_reported(accounts, use_keys):
    """Behind the rotation's back: the final pass sees it, and the old key must stay."""
    use_keys(OLD)
    with transaction.atomic():
        update_provider(accounts[-1], {"name": "Held"}, actor=SYSTEM)
        run = Rotation("--batch-size", str(BATCH))
        run.wait_until_it_waits()
        with psycopg.connect(database_url()) as other:
            token = Fernet(OLD).encrypt(b"by the old list").decode()
            other.execute(
                "UPDATE catalog_provideraccount SET api_key = %s WHERE id = %s",
                [token, accounts[0].pk],
            )
    status, out, err = run.ended()
    assert status == 1
    assert f"{ROWS - 1} under the newest key, 1 under older keys" in out
    assert "1 secret left under older keys, which must stay in FIELD_ENCRYPTION_KEY." in err
    assert Rotation().ended()[0] == 0
    use_keys(NEW)
    assert ProviderAccount.objects.get(pk=accounts[0].pk).api_key == "by the old list"


def test_two_rotations_at_once_do_each_row_once(accounts, use_keys):
    with locked(accounts[0]):
        runs = [Rotation("--batch-size", "50") for _ in range(2)]
        wait_for_waiters(2, runs)
    assert [run.ended()[0] for run in runs] == [0, 0]
    assert_all_is_well(use_keys)


def test_without_the_old_key_it_says_so_and_changes_nothing(accounts):
    before = [row.token for row in the_column().rows()]
    status, out, err = Rotation(keys=NEW).ended()
    assert status == 1
    assert f"0 under the newest key, 0 under older keys, {ROWS} under no key" in out
    assert "FIELD_ENCRYPTION_KEY" in err
    assert "Traceback" not in err
    assert [row.token for row in the_column().rows()] == before
    assert recorded() == 0
