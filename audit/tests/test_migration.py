"""A trail from before it was sealed is sealed by the migration, and verified from its first row."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from audit.chain.sealing import seal_waiting
from audit.chain.trail import verify_trail
from audit.models import Entry
from audit.tests.chain.trail import write

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
BEFORE = [("audit", "0002_append_only")]


@pytest.fixture
def old_trail():
    """The tables as they were, with three rows; the newest ones are back afterwards."""
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes()
    executor.migrate(BEFORE)
    entry = executor.loader.project_state(BEFORE).apps.get_model("audit", "Entry")
    for number in range(3):
        entry.objects.create(
            actor_email="a@example.org", action="user.update", changes={"n": number}, ip="::1"
        )
    yield lambda: MigrationExecutor(connection).migrate(newest)
    MigrationExecutor(connection).migrate(newest)
    with connection.cursor() as cursor:
        for table in ("audit_entry", "audit_seal", "audit_cut"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_no_truncate")


def test_rows_that_were_there_get_codes_and_are_sealed_first(old_trail):
    old_trail()
    write(1)
    assert verify_trail().waiting == 4
    seal = seal_waiting()
    assert len(seal.entry_ids) == 4
    assert Entry.objects.values("uid").distinct().count() == 4
    report = verify_trail()
    assert (report.holds, report.entries) == (True, 4)
