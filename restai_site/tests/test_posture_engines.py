"""What the security posture finds about PostgreSQL, Redis, the worker and the way it is run."""

import logging
import os
from datetime import timedelta

import pytest
import redis
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from restai_site.embedded import valkey
from restai_site.tests.posture import outcome, told
from restai_site.tests.server import free_port

AWAY = ("unknown", "Redis does not answer, so this could not be found out.")


@pytest.mark.django_db
def test_a_role_that_owns_tables_is_told():
    """Tests run as the owner. How the role of a real installation comes out is tested there."""
    name = connection.settings_dict["USER"]
    state, reason = told(outcome("database-role"))
    assert state == "warning"
    assert reason.startswith(f"The platform serves as {name}, which owns ")


@pytest.mark.django_db
def test_a_database_that_is_up_to_date_is_well():
    assert told(outcome("migrations")) == (
        "good",
        "The database has the form that this version expects.",
    )


@pytest.mark.django_db
def test_migrations_that_have_not_been_applied_are_critical():
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("audit", "0008_erasing")
    result = outcome("migrations")
    assert told(result) == (
        "critical",
        "One migration has not been applied: audit.0008_erasing.",
    )
    assert result.finding.remedy.command == "python manage.py migrate"
    recorder.record_unapplied("inference", "0006_visitors")
    state, reason = told(outcome("migrations"))
    assert state == "critical"
    assert reason.startswith("2 migrations have not been applied, the first of them: ")


@pytest.mark.django_db
def test_clocks_that_agree_are_well():
    assert told(outcome("clock")) == (
        "good",
        "The clocks of the server and the database agree within 5 seconds.",
    )


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [-3600, -7, 7, 3600])
def test_clocks_that_differ_are_told(seconds):
    """A function of the same name, found first, stands for a database whose clock is wrong."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
            f"$$ SELECT pg_catalog.clock_timestamp() + interval '{seconds} seconds' $$"
        )
        cursor.execute("SET LOCAL search_path = public, pg_catalog")
    state, reason = told(outcome("clock"))
    assert state == "warning"
    assert f"are {abs(seconds)} seconds apart: " in reason


@pytest.fixture
def engine(tmp_path, settings):
    """A Redis of this test's own."""
    settings.REDIS_URL = valkey.start(tmp_path / "valkey", durable=False)
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        yield client
    valkey.stop(tmp_path / "valkey")


@pytest.fixture
def no_engine(settings):
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"


def test_redis_with_an_append_only_file_is_well(engine):
    assert told(outcome("redis-persistence")) == (
        "good",
        "Redis writes each change to its append-only file.",
    )


def test_redis_with_snapshots_is_well(engine):
    engine.config_set("appendonly", "no")
    engine.config_set("save", "3600 1")
    assert told(outcome("redis-persistence")) == ("good", "Redis takes snapshots.")


def test_redis_that_keeps_nothing_is_told(engine):
    engine.config_set("appendonly", "no")
    result = outcome("redis-persistence")
    assert told(result) == (
        "warning",
        "Redis keeps nothing on disk: queued work and limits are lost when it stops.",
    )
    assert result.finding.remedy.command == "redis-cli CONFIG SET appendonly yes"


def test_a_redis_that_does_not_tell_is_unknown(engine):
    """As where a provider of Redis refuses CONFIG."""
    engine.config_set("appendonly", "no")
    engine.execute_command("ACL SETUSER default -config")
    state, reason = told(outcome("redis-persistence"))
    assert state == "unknown"
    assert reason == "Redis has no append-only file, and does not tell whether it takes snapshots."


@pytest.mark.parametrize("slug", ["redis-persistence", "workers"])
def test_what_redis_knows_is_unknown_while_it_is_away(slug, no_engine):
    assert told(outcome(slug)) == AWAY


def test_without_a_worker_it_is_critical():
    result = outcome("workers")
    assert result.state.value == "critical"
    assert result.finding.reason.startswith("No worker has answered within a second: ")
    assert "celery" in result.finding.remedy.command


def test_debug_mode_is_critical(settings):
    settings.DEBUG = True
    assert told(outcome("debug")) == (
        "critical",
        "DEBUG is on: an error shows code and settings to visitors.",
    )


def test_no_debug_mode_is_well():
    assert told(outcome("debug")) == ("good", "Debug mode is off.")


@pytest.mark.parametrize(
    ("level", "state"), [("DEBUG", "warning"), ("INFO", "good"), ("WARNING", "good")]
)
def test_a_log_that_holds_everything_is_told(level, state, caplog):
    with caplog.at_level(getattr(logging, level)):
        result = outcome("log-level")
    assert result.state.value == state
    assert level in result.finding.reason


def test_that_no_backup_is_known_is_told(settings):
    settings.BACKUP_STATUS_FILE = ""
    result = outcome("backup")
    assert told(result) == (
        "warning",
        (
            "No backup is known: let your backup touch a file when it has succeeded, "
            "and name that file."
        ),
    )
    assert result.finding.remedy.variable == "BACKUP_STATUS_FILE"


def test_a_file_that_is_not_there_is_critical(settings, tmp_path):
    settings.BACKUP_STATUS_FILE = str(tmp_path / "last-backup")
    assert told(outcome("backup")) == (
        "critical",
        "The file in BACKUP_STATUS_FILE cannot be read: no backup has succeeded yet.",
    )


@pytest.mark.parametrize(
    ("age", "state", "reason"),
    [
        (timedelta(minutes=5), "good", "The last successful backup is 0 hours old."),
        (timedelta(hours=30), "good", "The last successful backup is 30 hours old."),
        (timedelta(hours=49), "warning", "The last successful backup is 2 days old."),
        (timedelta(days=7, hours=1), "critical", "The last successful backup is 7 days old."),
        (timedelta(days=400), "critical", "The last successful backup is 400 days old."),
        (
            timedelta(hours=-2),
            "warning",
            "The last backup is dated in the future: its clock, or ours, is wrong.",
        ),
    ],
)
def test_the_age_of_the_file_is_that_of_the_backup(age, state, reason, settings, tmp_path):
    file = tmp_path / "last-backup"
    file.touch()
    moment = (timezone.now() - age).timestamp()
    os.utime(file, (moment, moment))
    settings.BACKUP_STATUS_FILE = str(file)
    assert told(outcome("backup")) == (state, reason)
