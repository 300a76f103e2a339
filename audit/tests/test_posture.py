"""What the security posture finds about the audit trail."""

import pytest
from django.db import connection

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


def test_that_the_trail_is_not_sealed_is_said():
    assert told(outcome("audit-seal")) == (
        "warning",
        (
            "The audit trail is not sealed yet: "
            "whoever owns the database could rewrite it without leaving a trace."
        ),
    )


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
