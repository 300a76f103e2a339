"""What is over goes, to the microsecond, with all that hangs on it, and leaves a receipt."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.models import AttemptCounter, Session
from audit.models import Entry
from guards.models import GuardEvent
from inference.history import UNTITLED
from inference.models import Conversation, InferenceLog, Message
from metering.models import UsageRecord, UsageRollup
from metering.rolling_up import mark_all, roll_up
from projects.models import Project
from projects.retention import engine
from projects.retention.kinds import kind_named, kinds
from projects.retention.models import RetentionRule, RetentionRun
from projects.sections import RetentionSection
from projects.tasks import purge_due, purge_now
from restai_site.lib import configuration
from restai_site.lib.errors import Invalid
from restai_site.tests.clients import start_session

NOW = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
DAY, INSTANT = timedelta(days=1), timedelta(microseconds=1)
FOREVER = {"conversations": 0, "inference_logs": 0, "guard_events": 0, "usage": 0}


@pytest.fixture
def keeping():
    """Return a function: keep these kinds for so many days, the others for ever."""

    def keep(**days):
        return configuration.overridden(RetentionSection, **{**FOREVER, **days})

    return keep


def say(conversation, at, content="x", *, parent=None, role="user", usage=None):
    row = Message.objects.create(
        conversation=conversation, role=role, content=content, parent=parent, usage=usage
    )
    Message.objects.filter(pk=row.pk).update(created_at=at)
    return row


def talk(project, user, *moments):
    """Make a conversation with a question and an answer at each of these moments."""
    made = Conversation.objects.create(project=project, user=user, title="The first words")
    last = None
    for number, at in enumerate(moments):
        asked = say(made, at, f"Question {number}", parent=last)
        last = say(made, at, f"Answer {number}", parent=asked, role="assistant")
    return made


def find(project, at, **more):
    row = GuardEvent.objects.create(
        call_id=uuid4(),
        project=project,
        team=project.team if project else None,
        guard_name="G",
        stage="input",
        mode="block",
        outcome="blocked",
        latency_ms=1,
        text="secret words",
        **more,
    )
    GuardEvent.objects.filter(pk=row.pk).update(created_at=at)
    return row.pk


def call(world, at):
    row = UsageRecord.objects.create(
        project=world.project,
        team=world.alpha,
        user=world.editor,
        model_name="m",
        prompt_tokens=3,
        completion_tokens=4,
        tokens_source="provider",
        cost="0.5",
        latency_ms=1,
        outcome="completed",
    )
    UsageRecord.objects.filter(pk=row.pk).update(created_at=at, started_at=at)
    return row


def purge(slug, now=NOW):
    return engine.purge(kind_named(slug), now=now)


def receipts():
    return list(Entry.objects.filter(action="retention.purge").order_by("pk"))


# --- The border -----------------------------------------------------------------------------------


def test_findings_go_after_exactly_so_many_days(world, keeping):
    kept = find(world.project, NOW - 30 * DAY)
    gone = find(world.project, NOW - 30 * DAY - INSTANT)
    with keeping(guard_events=30):
        assert engine.preview(NOW)["guard_events"] == 1
        assert GuardEvent.objects.filter(pk=gone).exists()
        run = purge("guard_events")
    assert run.deleted == 1
    assert list(GuardEvent.objects.values_list("pk", flat=True)) == [kept]


def test_logs_go_after_exactly_so_many_days(world, keeping):
    for age in (30 * DAY, 30 * DAY + INSTANT):
        row = InferenceLog.objects.create(
            call_id=uuid4(),
            project=world.project,
            surface="api",
            model_name="m",
            prompt_tokens=1,
            completion_tokens=1,
            latency_ms=1,
            outcome="completed",
            question="x",
        )
        InferenceLog.objects.filter(pk=row.pk).update(created_at=NOW - age)
    with keeping(inference_logs=30):
        assert purge("inference_logs").deleted == 1
    assert InferenceLog.objects.get().created_at == NOW - 30 * DAY


def test_messages_go_after_exactly_so_many_days(world, keeping):
    old = NOW - 30 * DAY - INSTANT
    living = talk(world.project, world.editor, old, NOW - 30 * DAY, NOW)
    whole = talk(world.project, world.editor, old - DAY, old)
    with keeping(conversations=30):
        assert engine.preview(NOW)["conversations"] == 6
        assert purge("conversations").deleted == 6
    assert not Conversation.objects.filter(pk=whole.pk).exists()
    living.refresh_from_db()
    said = list(living.messages.order_by("created_at", "role").values_list("content", flat=True))
    assert sorted(said) == ["Answer 1", "Answer 2", "Question 1", "Question 2"]
    # What is left begins the conversation, and no word of what went is in its title.
    assert living.title == "Question 1"
    assert living.messages.filter(parent=None).count() == 1


def test_a_conversation_that_has_no_question_left_has_no_title_of_one(world, keeping):
    made = talk(world.project, world.editor, NOW - 40 * DAY)
    say(made, NOW, "An answer", role="assistant")
    with keeping(conversations=30):
        purge("conversations")
    made.refresh_from_db()
    assert made.title == UNTITLED


def test_a_living_conversation_goes_on_after_a_part_of_it_went(world, keeping, as_user):
    made = talk(world.project, world.editor, NOW - 40 * DAY, NOW)
    with keeping(conversations=30):
        purge("conversations")
    page = as_user(world.editor).get(f"/projects/{world.project.pk}/chat/{made.pk}")
    assert page.status_code == 200
    assert "Question 1" in page.content.decode()
    assert "Question 0" not in page.content.decode()


def test_calls_go_by_whole_days_and_their_sums_stay(world, keeping):
    edge = (NOW - 40 * DAY).replace(hour=0)
    gone, kept = call(world, edge - INSTANT), call(world, edge)
    asked = Conversation.objects.create(project=world.project, user=world.editor, title="t")
    message = say(asked, NOW, usage=gone)
    mark_all(NOW)
    roll_up(NOW)
    sums = list(UsageRollup.objects.filter(grain="day").order_by("pk").values())
    assert sums
    with keeping(usage=40):
        assert purge("usage").deleted == 1
    assert list(UsageRecord.objects.values_list("pk", flat=True)) == [kept.pk]
    message.refresh_from_db()
    assert message.usage_id is None
    mark_all(NOW)
    roll_up(NOW)
    assert list(UsageRollup.objects.filter(grain="day").order_by("pk").values()) == sums


def test_calls_that_are_not_summed_up_stay(world, keeping):
    call(world, NOW - 50 * DAY)
    roll_up(NOW - 49 * DAY)
    later = NOW + 5000 * DAY
    with keeping(usage=40), pytest.raises(ValueError, match="not summed up"):
        purge("usage", now=later)
    assert UsageRecord.objects.count() == 1
    assert RetentionRun.objects.get(kind="usage").failure == "ValueError"


def test_ended_sessions_and_old_attempts_go(world, keeping):
    start_session(world.editor, expires_at=NOW - DAY)
    start_session(world.editor, expires_at=NOW - DAY - INSTANT)
    for number, age in enumerate((2 * DAY, 2 * DAY + INSTANT)):
        AttemptCounter.objects.create(bucket=str(number), failures=1, last_at=NOW - age)
    with keeping():
        assert purge("sessions").deleted == 1
        assert purge("sign_in_attempts").deleted == 1
    assert Session.objects.filter(user=world.editor).count() == 1
    assert AttemptCounter.objects.get().bucket == "0"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])
def test_the_border_is_the_same_in_every_time_zone(world, keeping, zone):
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL TIME ZONE '{zone}'")
    world.alpha.time_zone = zone
    world.alpha.save()
    kept = find(world.project, NOW - 30 * DAY)
    find(world.project, NOW - 30 * DAY - INSTANT)
    with keeping(guard_events=30):
        purge("guard_events")
    assert list(GuardEvent.objects.values_list("pk", flat=True)) == [kept]


# --- Kept for ever, and stricter periods ----------------------------------------------------------


def test_what_is_kept_for_ever_stays(world, keeping):
    find(world.project, NOW - 5000 * DAY)
    talk(world.project, world.editor, NOW - 5000 * DAY)
    with keeping():
        for kind in kinds():
            assert engine.purge(kind, now=NOW).deleted == 0
        assert set(engine.preview(NOW).values()) == {0}
    assert (GuardEvent.objects.count(), Message.objects.count()) == (1, 2)


def test_teams_and_projects_keep_less_and_never_more(world, keeping):
    ages = [NOW - days * DAY - INSTANT for days in (5, 10, 20, 40)]
    other = Project.objects.create(team=world.beta, llm=world.other_llm, name="Of Beta")
    for project in (world.project, world.shared_project, other):
        for at in ages:
            find(project, at)
    RetentionRule.objects.create(team=world.alpha, kind="guard_events", days=20)
    RetentionRule.objects.create(project=world.project, kind="guard_events", days=10)
    # More than the platform keeps is none of theirs.
    RetentionRule.objects.create(team=world.beta, kind="guard_events", days=365)
    with keeping(guard_events=40):
        assert engine.preview(NOW)["guard_events"] == 3 + 2 + 1
        assert purge("guard_events").deleted == 6

    def left(project):
        found = GuardEvent.objects.filter(project=project).order_by("-created_at")
        return list(found.values_list("created_at", flat=True))

    assert left(world.project) == ages[:1]
    assert left(world.shared_project) == ages[:2]
    assert left(other) == ages[:3]


def test_a_period_of_a_project_holds_where_the_platform_keeps_for_ever(world, keeping):
    talk(world.project, world.editor, NOW - 10 * DAY)
    talk(world.shared_project, world.editor, NOW - 10 * DAY)
    RetentionRule.objects.create(project=world.project, kind="conversations", days=7)
    with keeping():
        assert purge("conversations").deleted == 2
    assert Conversation.objects.get().project == world.shared_project


def test_findings_of_a_project_that_is_gone_go_with_those_of_its_team(world, keeping):
    pk = find(world.project, NOW - 10 * DAY)
    GuardEvent.objects.filter(pk=pk).update(project=None)
    RetentionRule.objects.create(team=world.alpha, kind="guard_events", days=7)
    with keeping():
        assert purge("guard_events").deleted == 1


# --- Receipts, batches, crashes, the clock --------------------------------------------------------


def test_a_removal_leaves_one_receipt_with_its_counts(world, keeping):
    for _ in range(3):
        find(world.project, NOW - 31 * DAY)
    with keeping(guard_events=30):
        run = purge("guard_events")
        purge("guard_events")
    (receipt,) = receipts()
    assert (receipt.credential, receipt.target_id) == ("system:retention", str(run.pk))
    assert (receipt.changes["kind"], receipt.changes["deleted"]) == ("guard_events", 3)
    assert receipt.changes["cuts"][0]["before"] == (NOW - 30 * DAY).isoformat()
    assert "secret words" not in str(receipt.changes)


def test_batches_add_up(world, keeping, monkeypatch):
    monkeypatch.setattr(engine, "BATCH", 4)
    for _ in range(10):
        find(world.project, NOW - 31 * DAY)
    talk(world.project, world.editor, *[NOW - 31 * DAY] * 5)
    with keeping(guard_events=30, conversations=30):
        assert purge("guard_events").deleted == 10
        assert purge("conversations").deleted == 10
    assert not Conversation.objects.exists()
    assert [receipt.changes["deleted"] for receipt in receipts()] == [10, 10]


def test_a_run_that_was_killed_goes_on_and_counts_all_of_it(world, keeping):
    for _ in range(10):
        find(world.project, NOW - 31 * DAY)
    with keeping(guard_events=30):
        run = engine._begun(kind_named("guard_events"), engine.BY_CLOCK, NOW)
        assert engine.step(run.pk, batch=4)
        # The period has been made longer since: the run goes on with what it began with.
    with keeping(guard_events=365):
        assert [kind.slug for kind in engine.due(NOW)].count("guard_events") == 1
        done = purge("guard_events", now=NOW + DAY)
    assert (done.pk, done.deleted) == (run.pk, 10)
    assert [receipt.changes["deleted"] for receipt in receipts()] == [10]


def test_a_step_that_fails_takes_its_batch_back(world, keeping, monkeypatch):
    find(world.project, NOW - 31 * DAY)
    with keeping(guard_events=30), monkeypatch.context() as patch:
        patch.setattr(engine, "record", failing)
        with pytest.raises(RuntimeError):
            purge("guard_events")
        # The batch is gone and noted; the run has not ended without its receipt.
        run = RetentionRun.objects.get()
        assert (run.deleted, run.finished_at, run.failure) == (1, None, "RuntimeError")
    with keeping(guard_events=30):
        assert purge("guard_events").failure == ""
    assert len(receipts()) == 1


def failing(*args, **kwargs):
    raise RuntimeError("no")


def test_a_kind_is_due_once_a_day_and_catches_up(world, keeping):
    with keeping(guard_events=30):
        assert "guard_events" in [kind.slug for kind in engine.due(NOW)]
        purge("guard_events")
        assert "guard_events" not in [kind.slug for kind in engine.due(NOW + DAY - INSTANT)]
        assert "guard_events" in [kind.slug for kind in engine.due(NOW + DAY)]
        assert "guard_events" in [kind.slug for kind in engine.due(NOW + 50 * DAY)]
        # Nothing is begun for what is kept for ever.
        assert "conversations" not in [kind.slug for kind in engine.due(NOW)]


def test_the_clock_does_it(world, keeping, settings):
    assert "projects.purge_due" in [one["task"] for one in settings.CELERY_BEAT_SCHEDULE.values()]
    find(world.project, timezone.now() - 31 * DAY)
    with keeping(guard_events=30):
        assert purge_due()["guard_events"] == 1
        assert "guard_events" not in purge_due()
        find(world.project, timezone.now() - 31 * DAY)
        assert purge_now("ada@example.org")["guard_events"] == 1
    assert receipts()[-1].changes["asked_by"] == "ada@example.org"


def test_a_kind_that_fails_holds_up_no_other(world, keeping, monkeypatch, caplog):
    find(world.project, timezone.now() - 31 * DAY)
    call(world, timezone.now() - 50 * DAY)
    monkeypatch.setattr("metering.retention.ledger_begins", failing)
    with keeping(guard_events=30, usage=40):
        removed = purge_due()
    assert (removed["guard_events"], "usage" in removed, "sessions" in removed) == (1, False, True)
    assert "“usage” failed" in caplog.text


def test_the_command_counts_and_removes(world, keeping, capsys):
    find(world.project, timezone.now() - 31 * DAY)
    with keeping(guard_events=30):
        call_command("purge", "--dry-run")
        assert "Findings of guards: 1 would be removed." in capsys.readouterr().out
        assert GuardEvent.objects.count() == 1
        call_command("purge", "--kind", "guard_events")
    assert capsys.readouterr().out == "Findings of guards: 1 removed.\n"
    assert not GuardEvent.objects.exists()


def test_each_period_of_the_settings_is_of_a_kind():
    assert [kind.slug for kind in kinds()] == list(RetentionSection.settings())


@pytest.mark.parametrize(("days", "is_fine"), [(0, True), (34, False), (35, True), (1, False)])
def test_the_ledger_is_kept_for_longer_than_a_month(days, is_fine):
    values = {name: setting.default for name, setting in RetentionSection.settings().items()}
    if is_fine:
        RetentionSection.check({**values, "usage": days})
        return
    with pytest.raises(Invalid):
        RetentionSection.check({**values, "usage": days})


def test_old_runs_are_forgotten_and_receipts_are_not(world, keeping, monkeypatch):
    monkeypatch.setattr(engine, "KEPT_RUNS", 2)
    with keeping(guard_events=30):
        for _ in range(4):
            find(world.project, NOW - 31 * DAY)
            purge("guard_events")
    assert RetentionRun.objects.count() == 2
    assert len(receipts()) == 4
