"""The posture of a whole installation, as `manage.py doctor` tells it: the serving role, a worker,
and engines of its own.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from restai_site.embedded import postgres, valkey
from restai_site.embedded.installation import OPEN_TO_PASS, SECRETS

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
WORKER = ["-m", "celery", "--app", "restai_site.celery", "worker", "--pool", "solo"]
ADMINISTRATOR = {
    "RESTAI_ADMIN_EMAIL": "ada@example.org",
    "RESTAI_ADMIN_PASSWORD": "unusual staple of horses",
}


class Installation:
    """Engines, tables, rights, and the environment of the programs that serve."""

    def __init__(self, folder):
        self.owner_url = postgres.start(folder / "postgres", durable=False)
        web = postgres.url(folder / "postgres", postgres.WEB_ROLE)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DJANGO_SETTINGS_MODULE": "restai_site.settings",
            **{name: make() for name, make in SECRETS.items()},
            "DATABASE_URL": web,
            "REDIS_URL": valkey.start(folder / "valkey"),
        }
        self.run("-m", "restai_site.embedded.database", postgres.WEB_ROLE, as_owner=True)
        self.run("manage.py", "setup", **ADMINISTRATOR)

    def run(self, *words, as_owner=False, **more):
        environment = {**self.environment, **more}
        if as_owner:
            environment["DATABASE_URL"] = self.owner_url
        return subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def doctor(self, *words, **more):
        """Return the exit status and what was found, by slug."""
        done = self.run("manage.py", "doctor", "--json", *words, **more)
        results = {one["slug"]: one for one in json.loads(done.stdout)["checks"]}
        return done.returncode, results

    def as_owner(self, statement):
        self._execute(self.owner_url, statement)

    def as_superuser(self, statement):
        self._execute(self.superuser_url, statement)

    @property
    def superuser_url(self):
        """The account that started the server is its superuser, without a password."""
        place = self.owner_url.partition("@")[2]
        return f"postgresql://{postgres.SUPERUSER}@{place}"

    @staticmethod
    def _execute(url, statement):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(scope="module")
def installation():
    folder = Path(tempfile.mkdtemp(prefix="restai-posture-"))
    folder.chmod(OPEN_TO_PASS)
    try:
        yield Installation(folder)
    finally:
        valkey.stop(folder / "valkey")
        postgres.remove(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def worker(installation):
    """A worker that is ready."""
    with subprocess.Popen(
        [sys.executable, *WORKER, "--loglevel", "INFO", "--without-mingle"],
        cwd=ROOT,
        env=installation.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert any("ready." in line for line in process.stderr)
        yield process
        process.send_signal(signal.SIGQUIT)
        process.stderr.close()


def test_nothing_is_critical_in_an_installation_as_it_is_meant(installation, worker):
    status, found = installation.doctor()
    assert [slug for slug, one in found.items() if one["state"] in {"critical", "unknown"}] == []
    assert status == 0
    assert found["database-role"]["reason"] == (
        "The platform serves as restai_web, which reads and writes rows and owns no table."
    )
    assert found["audit-role"]["reason"] == (
        "The role that serves may add to the trail and read it, no more."
    )
    assert found["workers"]["reason"] == "A worker has answered."
    for slug in ("database-role", "audit-role", "audit-triggers", "migrations", "workers"):
        assert found[slug]["state"] == "good"


def test_what_is_only_a_warning_fails_where_that_is_wanted(installation, worker):
    assert installation.doctor("--fail-on", "warning")[0] == 1


def test_each_right_on_the_trail_that_is_too_many_is_named(installation):
    rights = "UPDATE (action), DELETE, TRUNCATE, TRIGGER"
    installation.as_owner(f"GRANT {rights} ON audit_entry TO restai_web")
    try:
        status, found = installation.doctor()
    finally:
        installation.as_owner(f"REVOKE {rights} ON audit_entry FROM restai_web")
    assert status == 1
    assert found["audit-role"]["state"] == "critical"
    assert found["audit-role"]["reason"] == (
        "The role that serves may change, delete, truncate, add triggers to the trail."
    )


def test_a_member_of_the_owner_counts_as_the_owner(installation):
    installation.as_superuser("GRANT restai_owner TO restai_web")
    try:
        _, found = installation.doctor()
    finally:
        installation.as_superuser("REVOKE restai_owner FROM restai_web")
    assert found["audit-role"]["reason"] == (
        "The role that serves owns the trail: it could drop what protects it."
    )
    assert found["database-role"]["state"] == "warning"


def test_a_superuser_is_critical(installation):
    status, found = installation.doctor(DATABASE_URL=installation.superuser_url)
    assert status == 1
    assert found["database-role"]["state"] == "critical"
    assert found["database-role"]["reason"] == (
        "The platform serves as postgres, a superuser: nothing binds it."
    )


def test_without_a_database_the_rest_is_still_told(installation):
    nowhere = "postgresql://nobody@/nothing?host=/nowhere"
    status, found = installation.doctor(DATABASE_URL=nowhere, DEBUG="true")
    assert status == 1
    assert found["debug"]["state"] == "critical"
    assert found["keys-old"]["state"] == "unknown"
    assert found["database-role"]["state"] == "unknown"
    assert found["redis-persistence"]["state"] == "good"


def test_the_text_goes_to_a_file_without_colour_and_no_trace_to_the_terminal(installation):
    done = installation.run("manage.py", "doctor", DATABASE_URL="postgresql://nobody@/no?host=/no")
    assert "\x1b[" not in done.stdout
    assert "Second factor" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "The posture check keys-old failed: OperationalError." in done.stderr
