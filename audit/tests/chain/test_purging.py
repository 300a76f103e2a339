"""Old entries go in two steps, and verifying holds over the cut; nothing else goes by that."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import Error, connection, transaction
from django.utils import timezone

from audit import purging
from audit.chain import content
from audit.chain.checkpoints import tell, told
from audit.chain.keys import keys, newest
from audit.chain.sealing import seal_waiting
from audit.chain.trail import verify_trail
from audit.models import AppendOnlyError, Cut, Entry, Removal, Seal
from audit.sections import AuditSection
from audit.tasks import look_after_removals, purge
from audit.tests.chain.trail import found, sql, write
from restai_site.embedded.keys import fernet_key
from restai_site.lib import configuration
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.tests.background import waiting
from restai_site.tests.world import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)
SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "verify_audit.py"
DAY = timedelta(days=1)
ROOT = Actor(
    user_id=1,
    email="root@example.org",
    is_platform_admin=True,
    session_id="00000000-0000-0000-0000-000000000001",
)
OTHER = Actor(
    user_id=2,
    email="other@example.org",
    is_platform_admin=True,
    session_id="00000000-0000-0000-0000-000000000002",
)


@pytest.fixture
def old(monkeypatch):
    """Three seals of 100, 95 and 10 days ago, of four entries each, made by the clock of then."""
    marks = []
    for days in (100, 95, 10):
        at = timezone.now() - days * DAY
        for entry in write(4):
            entry.created_at = at
            mac = newest().mac(content.row_content(content.row_of(entry)))
            sql(
                "UPDATE audit_entry SET created_at = %s, mac = %s WHERE id = %s",
                [at, mac, entry.pk],
            )
        with monkeypatch.context() as patch:
            patch.setattr(timezone, "now", lambda at=at: at)
            marks.append(seal_waiting())
    return marks


def before(days=90):
    return timezone.now() - days * DAY


def removed(actor=ROOT, by=OTHER, days=90):
    """Ask for a removal, confirm it, and do it."""
    row = purging.ask(before(days), actor=actor)
    purging.confirm(row, actor=by)
    purge(row.pk)
    row.refresh_from_db()
    return row


def test_the_trail_holds_over_the_cut(old):
    young = list(Entry.objects.order_by("-pk").values_list("pk", flat=True)[:4])
    row = removed()
    assert (row.state, row.entries, row.removed, row.number) == ("done", 8, 8, 2)
    assert set(young) <= set(Entry.objects.values_list("pk", flat=True))
    seal_waiting()
    report = verify_trail()
    assert report.problems == []
    assert (report.removed, report.removed_until, report.seals) == (8, 2, 4)
    # Each step of it is in the trail, and the seals are all there.
    actions = Entry.objects.filter(action__startswith="audit.purge").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == [
        "audit.purge_ask",
        "audit.purge_confirm",
        "audit.purge",
    ]
    assert actions.last().changes["entries"] == 8
    assert Seal.objects.count() == 4


def test_it_holds_half_way_and_after_a_second_cut(old):
    row = purging.ask(before(), actor=ROOT)
    purging.confirm(row, actor=OTHER)
    assert purging.step(row.pk)
    assert found() == []
    assert verify_trail().removed == 4
    look_after_removals()
    row.refresh_from_db()
    assert (row.state, row.removed) == ("done", 8)
    with pytest.raises(Invalid):
        purging.ask(before(), actor=ROOT)


def test_it_holds_offline_with_python_alone(old, tmp_path):
    removed()
    seal_waiting()
    path = tmp_path / "audit.jsonl"
    call_command("export_audit", str(path))
    status, said = offline(path)
    assert status == 0, said
    assert "Removed on purpose: 8 entries, up to seal 2." in said


def offline(path):
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(path), "--key", keys()[0].public.hex()]
    ended = subprocess.run(command, capture_output=True, text=True, env={}, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def test_the_command_says_what_was_removed(old, capsys):
    removed()
    call_command("verify_audit")
    said = capsys.readouterr().out
    assert "Removed on purpose: 8 entries, up to seal 2." in said
    assert "The trail is as it was written." in said


def test_the_checkpoint_outside_stays_true(old, settings, tmp_path):
    settings.AUDIT_CHECKPOINT_FILE = str(tmp_path / "checkpoint.json")
    tell(Seal.objects.get(number=2))
    removed()
    mark = told()
    assert mark is not None
    assert verify_trail([mark]).holds


# --- What does not go -----------------------------------------------------------------------------


def test_nothing_young_goes_whoever_asks(old):
    with pytest.raises(Invalid, match="90 days at least"):
        purging.ask(before(89), actor=ROOT)
    row = removed()
    mine = Entry.objects.filter(target_type="audit.removal", target_id=str(row.pk))
    assert mine.count() == 3
    # Not by the database's own function either, should somebody make a cut over all of it.
    Cut.objects.create(
        number=10, hash="0" * 64, entries=0, cut_at=timezone.now(), key_id="x", signature="y"
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_remove_entries(3)")
        assert cursor.fetchone()[0] == 0


def test_nothing_goes_without_a_cut(old):
    for number in (1, 2, 3):
        with (
            pytest.raises(Error, match="no cut covers"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT audit_remove_entries(%s)", [number])
    row = purging.ask(before(), actor=ROOT)
    assert not purging.step(row.pk)
    assert Entry.objects.filter(target_type="accounts.user").count() == 12


def test_nothing_goes_by_other_ways_after_it(old):
    removed()
    entry = Entry.objects.first()
    for act in (entry.delete, Entry.objects.all().delete, Cut.objects.all().delete):
        with pytest.raises(AppendOnlyError):
            act()
    for table in ("audit_entry", "audit_cut", "audit_seal"):
        with (
            pytest.raises(Error, match="neither changed nor removed"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608  of this file


def test_two_steps_by_two_people_or_a_day_apart(old):
    row = purging.ask(before(), actor=ROOT)
    with pytest.raises(Forbidden, match="after a day"):
        purging.confirm(row, actor=ROOT)
    Removal.objects.update(asked_at=timezone.now() - DAY - timedelta(seconds=1))
    assert purging.confirm(row, actor=ROOT).state == "confirmed"
    with pytest.raises(Conflict):
        purging.confirm(row, actor=OTHER)
    with pytest.raises(Conflict):
        purging.withdraw(row, actor=OTHER)


def test_one_at_a_time_and_withdrawn_leaves_all(old):
    row = purging.ask(before(), actor=ROOT)
    with pytest.raises(Conflict):
        purging.ask(before(), actor=OTHER)
    purging.withdraw(row, actor=ROOT)
    purge(row.pk)
    assert Entry.objects.filter(target_type="accounts.user").count() == 12
    assert not Cut.objects.exists()
    assert purging.ask(before(), actor=OTHER).pk != row.pk


@pytest.mark.parametrize(
    "actor",
    [
        Actor(user_id=3, email="x@example.org", session_id=ROOT.session_id),
        Actor(user_id=1, email="root@example.org", is_platform_admin=True, credential="key:1"),
        Actor(user_id=1, email="root@example.org", is_platform_admin=True, credential="basic"),
        Actor(
            user_id=1,
            email="root@example.org",
            is_platform_admin=True,
            session_id=ROOT.session_id,
            impersonator_id=2,
        ),
    ],
)
def test_people_as_themselves_alone_ask_and_confirm(old, actor):
    with pytest.raises(Forbidden):
        purging.ask(before(), actor=actor)
    row = purging.ask(before(), actor=SYSTEM)
    for act in (purging.confirm, purging.withdraw):
        with pytest.raises(Forbidden):
            act(row, actor=actor)


# --- Attacks --------------------------------------------------------------------------------------


def test_a_cut_by_the_owner_of_the_database_is_found(old):
    seal = Seal.objects.get(number=2)
    sql(
        "INSERT INTO audit_cut VALUES (2, %s, 8, now(), 'root', 'other', %s, %s)",
        [seal.hash, seal.key_id, "ab" * 64],
    )
    sql("DELETE FROM audit_entry WHERE id IN (SELECT min(id) FROM audit_entry)")
    told_of = found()
    assert (None, 2, "was cut after by somebody without the key") in told_of
    assert any(what == "is gone" for _, _, what in told_of)


def test_a_cut_with_a_key_of_ones_own_is_found(old, settings):
    own = list(settings.AUDIT_KEY)
    settings.AUDIT_KEY = [fernet_key()]
    row = purging.ask(before(), actor=ROOT)
    purging.confirm(row, actor=OTHER)
    purge(row.pk)
    settings.AUDIT_KEY = own
    assert any(what == "is gone" for _, _, what in found())


@pytest.mark.parametrize(
    "change", ["number = 3", "hash = repeat('a', 64)", "entries = 9", "confirmed_by = 'root'"]
)
def test_a_changed_cut_is_found(old, change):
    removed()
    sql(f"UPDATE audit_cut SET {change}")  # noqa: S608  of this file
    assert not verify_trail().holds


def test_what_goes_after_the_cut_is_found(old):
    removed()
    last = Entry.objects.filter(target_type="accounts.user").latest("pk").pk
    sql("DELETE FROM audit_entry WHERE id = %s", [last])
    assert (last, 3, "is gone") in found()


def test_a_tail_cut_back_behind_the_cut_is_found(old):
    removed()
    sql("DELETE FROM audit_seal WHERE number >= 2")
    assert any(seal == 2 and "the end was cut" in what for _, seal, what in found())


def test_an_entry_put_back_with_other_words_is_found(old):
    pk = Entry.objects.earliest("pk").pk
    removed()
    sql(
        "INSERT INTO audit_entry (id, created_at, actor_email, credential, impersonator_email,"
        " action, target_type, target_id, target_name, status, user_agent, request_id, changes,"
        " uid, mac)"
        " VALUES (%s, now() - interval '100 days', 'eve@example.org', 'session', '', 'user.update',"
        " 'accounts.user', '', '', 200, '', '', '{}', gen_random_uuid(), repeat('a', 64))",
        [pk],
    )
    assert any(entry == pk for entry, _, _ in found())


# --- The clock ------------------------------------------------------------------------------------


def test_the_clock_asks_and_people_confirm(old):
    with configuration.overridden(AuditSection, days=92):
        look_after_removals()
        look_after_removals()
    row = Removal.objects.get()
    assert (row.asked_by, row.state, row.entries) == ("system:retention", "waiting", 8)
    purging.confirm(row, actor=ROOT)
    assert [(job.task, job.args) for job in waiting()][-1] == ("audit.purge", [row.pk])


def test_the_clock_asks_for_nothing_where_nothing_is_over(old):
    look_after_removals()
    with configuration.overridden(AuditSection, days=400):
        look_after_removals()
    assert not Removal.objects.exists()


@pytest.mark.parametrize(("days", "is_fine"), [(0, True), (90, True), (89, False), (1, False)])
def test_the_period_is_no_shorter_than_the_least(days, is_fine):
    values = {"team_admins_read": False, "days": days}
    if is_fine:
        AuditSection.check(values)
        return
    with pytest.raises(Invalid):
        AuditSection.check(values)


def test_several_who_do_it_at_once_do_it_once(old):
    row = purging.ask(before(), actor=ROOT)
    purging.confirm(row, actor=OTHER)
    purge(row.pk)
    assert purge(row.pk) == 8
    write(1)
    assert Entry.objects.filter(action="audit.purge").count() == 1
