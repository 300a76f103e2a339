"""Verifying in the background: who may ask, what is kept of it, and what it says."""

from pathlib import Path

import pytest
from django.utils import timezone

from audit import verifications
from audit.chain.checkpoints import tell
from audit.models import GIVEN_UP_AFTER, Entry, Seal, Verification
from audit.tasks import verify, verify_daily
from audit.tests.chain.trail import sealed, sql, write
from restai_site.lib.errors import Forbidden
from restai_site.tests.background import waiting
from restai_site.tests.posture import outcome
from restai_site.tests.posture import told as told_by
from restai_site.tests.world import SYSTEM, acting

# To verify is to read all of one moment, in a transaction that has read nothing yet.
pytestmark = pytest.mark.django_db(transaction=True)


def told_of(slug):
    return told_by(outcome(slug))


@pytest.fixture
def checkpoint(settings, tmp_path):
    settings.AUDIT_CHECKPOINT_FILE = str(tmp_path / "checkpoint.json")


def test_whoever_runs_the_platform_has_it_verified(world):
    waiting()
    row = verifications.ask(actor=acting(world.platform_admin))
    assert (row.asked_by, row.holds) == (world.platform_admin.email, None)
    assert [(job.task, job.args) for job in waiting()] == [("audit.verify", [row.pk])]
    assert Entry.objects.latest("id").action == "audit.verify"
    with pytest.raises(Forbidden):
        verifications.ask(actor=acting(world.team_admin))


def test_one_is_enough_until_it_has_ended_or_been_given_up(world):
    first = verifications.ask(actor=SYSTEM)
    assert verifications.ask(actor=SYSTEM).pk == first.pk
    long_ago = timezone.now() - GIVEN_UP_AFTER
    Verification.objects.filter(pk=first.pk).update(started_at=long_ago)
    second = verifications.ask(actor=SYSTEM)
    assert second.pk != first.pk
    verify(second.pk)
    assert verifications.ask(actor=SYSTEM).pk not in {first.pk, second.pk}


def test_a_trail_that_holds_is_said_to(world, checkpoint):
    sealed(3)
    tell(Seal.objects.latest("number"))
    write(2)
    row = Verification.objects.create(asked_by="test")
    assert verify(row.pk) is True
    row.refresh_from_db()
    assert (row.holds, row.waiting, row.problems, row.failure) == (True, 2, [], "")
    assert (row.entries, row.checkpoint) == (Entry.objects.count() - 2, row.seals)
    assert row.finished_at is not None
    assert row.first_problem == ""
    assert told_of("audit-verified")[0] == "good"


def test_a_trail_that_was_changed_is_said_to_and_where(world, caplog):
    sealed(3, 4)
    bad = Entry.objects.order_by("-pk")[2].pk
    sql("UPDATE audit_entry SET actor_email = 'eve@example.org' WHERE id = %s", [bad])
    row = Verification.objects.create(asked_by="test")
    assert verify(row.pk) is False
    row.refresh_from_db()
    assert (row.holds, row.first_bad_entry) == (False, bad)
    assert row.first_problem.startswith(f"Entry {bad} of seal")
    assert "does not hold" in caplog.text
    state, reason = told_of("audit-verified")
    assert (state, str(bad) in reason) == ("critical", True)


def test_a_checkpoint_that_nobody_signed_is_a_finding(world, checkpoint, settings):
    sealed(1)
    Path(settings.AUDIT_CHECKPOINT_FILE).write_text("{}")
    row = Verification.objects.create(asked_by="test")
    assert verify(row.pk) is False
    row.refresh_from_db()
    assert row.first_problem == "The checkpoint cannot be believed: The file holds no checkpoint."


def test_it_is_verified_every_day_without_asking(db, settings):
    names = [one["task"] for one in settings.CELERY_BEAT_SCHEDULE.values()]
    assert "audit.verify_daily" in names
    verify_daily()
    row = Verification.objects.get()
    assert row.asked_by == "system:verify_daily"


def test_where_it_was_never_or_long_ago_verified_the_posture_says_so(db):
    assert told_of("audit-verified")[0] == "warning"
    old = timezone.now() - 3 * verifications.DAY
    Verification.objects.create(asked_by="x", started_at=old, finished_at=old, holds=True)
    assert told_of("audit-verified")[0] == "warning"


def test_the_newest_are_kept(world, monkeypatch):
    monkeypatch.setattr(verifications, "KEPT", 3)
    for _ in range(5):
        row = Verification.objects.create(asked_by="test")
        verify(row.pk)
    assert Verification.objects.count() == 3
    assert Verification.objects.first() == row


def test_by_the_api(world, api_as):
    admin = api_as(world.platform_admin)
    made = admin.post("/api/audit/verifications")
    assert (made.status_code, made.json()["holds"]) == (201, None)
    assert admin.post("/api/audit/verifications").json()["id"] == made.json()["id"]
    verify(made.json()["id"])
    found = admin.get(f"/api/audit/verifications/{made.json()['id']}").json()
    assert (found["holds"], found["problems"]) == (True, [])
    assert [row["id"] for row in admin.get("/api/audit/verifications").json()["results"]] == [
        found["id"]
    ]
    assert admin.delete(f"/api/audit/verifications/{found['id']}").status_code == 405
    assert api_as(world.team_admin).post("/api/audit/verifications").status_code == 403
