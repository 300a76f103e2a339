"""What the security posture finds about the audit trail."""

import pytest
from django.db import connection

from audit.chain.checkpoints import checkpoint_of, tell
from audit.chain.sealing import seal_waiting
from audit.models import Seal
from audit.tests.chain.trail import sql, write
from restai_site.tests.posture import outcome, told

pytestmark = pytest.mark.django_db
BOTH_ON = (
    "good",
    (
        "The database refuses to change and to empty the trail: "
        "audit_entry_append_only and audit_entry_no_truncate are on."
    ),
)


def run_sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def all_on():
    """One trigger rests during tests, so that transactional ones can clear up."""
    run_sql("ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_no_truncate")


@pytest.fixture
def file(settings, tmp_path):
    path = tmp_path / "checkpoint.json"
    settings.AUDIT_CHECKPOINT_FILE = str(path)
    return path


def test_a_trail_that_is_sealed_and_told_is_well(file):
    write()
    tell(seal_waiting())
    assert told(outcome("audit-seal"))[0] == "good"
    number = Seal.objects.latest("number").number
    assert told(outcome("audit-checkpoint")) == (
        "good",
        f"The chain holds seal {number}, as it was told outside the database.",
    )


def test_entries_that_wait_for_long_are_counted(file):
    seal_waiting()
    write(3)
    assert told(outcome("audit-seal"))[0] == "good"
    sql("UPDATE audit_entry SET created_at = created_at - interval '2 minutes'")
    assert told(outcome("audit-seal")) == (
        "warning",
        "3 audit entries wait for their seal: see whether the worker runs.",
    )


def test_that_seals_are_told_nowhere_is_said(settings):
    settings.AUDIT_CHECKPOINT_FILE = ""
    seal_waiting()
    result = outcome("audit-seal")
    assert told(result) == (
        "warning",
        "The seals are told nowhere outside the database: a cut end would not show.",
    )
    assert result.finding.remedy.variable == "AUDIT_CHECKPOINT_FILE"


def test_a_chain_that_is_not_the_one_that_was_told_is_critical(file):
    write()
    mark = checkpoint_of(seal_waiting())
    file.write_bytes(mark.to_json())
    sql("DELETE FROM audit_seal WHERE number = %s", [mark.number])
    assert told(outcome("audit-checkpoint")) == (
        "critical",
        f"Seal {mark.number}, as told outside, is not in the database.",
    )


def test_a_checkpoint_that_nobody_signed_is_critical(file):
    file.write_text("{}")
    state, reason = told(outcome("audit-checkpoint"))
    assert (state, reason.endswith("The file holds no checkpoint.")) == ("critical", True)


def test_triggers_that_are_on_are_well(all_on):
    assert told(outcome("audit-triggers")) == BOTH_ON
    run_sql("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_append_only")
    assert told(outcome("audit-triggers")) == BOTH_ON


@pytest.mark.parametrize(
    ("statement", "verb"),
    [
        ("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_append_only", "disabled"),
        ("ALTER TABLE audit_entry ENABLE REPLICA TRIGGER audit_entry_append_only", "disabled"),
        ("DROP TRIGGER audit_entry_append_only ON audit_entry", "missing"),
    ],
)
def test_a_trigger_that_does_not_fire_is_critical(statement, verb, all_on):
    run_sql(statement)
    assert told(outcome("audit-triggers")) == (
        "critical",
        f"The database does not refuse to change the trail: audit_entry_append_only is {verb}.",
    )


def test_triggers_that_refuse_nothing_count_as_missing(all_on):
    run_sql(
        "CREATE OR REPLACE FUNCTION audit_entry_is_append_only() RETURNS trigger "
        "LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'"
    )
    assert told(outcome("audit-triggers")) == (
        "critical",
        (
            "The database does not refuse to change the trail: "
            "audit_entry_append_only and audit_entry_no_truncate are missing."
        ),
    )


def test_a_role_that_owns_the_trail_is_critical():
    """Tests run as the owner. How the role of a real installation comes out is tested there."""
    result = outcome("audit-role")
    assert told(result) == (
        "critical",
        "The role that serves owns the trail: it could drop what protects it.",
    )
    assert result.finding.remedy.command == "python manage.py grant_web_role ROLE"
