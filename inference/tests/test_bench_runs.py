"""Runs of the test bench: once for each case, however often they are begun."""

from decimal import Decimal

import pytest
from asgiref.sync import async_to_sync

from audit.models import Entry
from guards.measures import Matrix
from guards.models import GuardResult, GuardRun
from inference.bench import measuring, runner
from inference.bench.figures import figures_of, matrix_of_run
from inference.bench.judges import of_detector, of_project
from inference.bench.runs import UNFINISHED_PER_TEAM, cancel_run, delete_run, start_run
from inference.bench.sets import delete_set
from inference.tests.bench import (
    CASES,
    WORDS,
    detector_run,
    judge_run,
    make_set,
    many,
    shipped,
)
from inference.tests.guarding import judge_llm, make_guard, offer
from metering.models import UsageRecord
from metering.tests.calls import budget
from projects.services import delete_project, set_prompt
from restai_site.lib.errors import Conflict, Forbidden, Invalid, NotFound
from restai_site.tests.background import commit, queue_away, run_queued, waiting
from restai_site.tests.world import SYSTEM, acting
from teams.services import set_grants

State = GuardRun.State


@pytest.fixture(autouse=True)
def _nothing_is_queued(db):
    waiting()


def done(run):
    run_queued()
    run.refresh_from_db()
    return run


def test_a_detector_is_run_over_a_set(world):
    run = done(detector_run(world))
    assert run.state == State.COMPLETED
    assert (run.done, run.total, run.percent) == (5, 5, 100)
    assert matrix_of_run(run) == Matrix(tp=1, fp=1, tn=2, fn=1)
    assert matrix_of_run(run) == figures_of(run).matrix
    assert run.started_at <= run.finished_at
    assert 0 < run.latency_p50_ms <= run.latency_p95_ms
    assert (run.tokens, run.cost) == (0, 0)
    assert not UsageRecord.objects.exists()


def test_a_guard_with_a_model_is_run_and_the_team_pays(world, provider):
    run = done(judge_run(world))
    assert run.state == State.COMPLETED
    assert matrix_of_run(run) == Matrix(tp=1, fp=1, tn=2, fn=1)
    records = UsageRecord.objects.all()
    assert {record.kind for record in records} == {"guard"}
    assert {record.team_id for record in records} == {world.alpha.pk}
    assert {record.user_id for record in records} == {world.team_admin.pk}
    assert {record.project_id for record in records} == {run.guard_id}
    assert len(records) == len(provider.requests) == len(CASES)
    assert run.cost == sum(record.cost for record in records) > 0
    assert run.tokens == sum(one.prompt_tokens + one.completion_tokens for one in records)
    found = GuardResult.objects.get(run=run, case__position=1)
    assert (found.verdict, found.category, found.score) == ("unsafe", "sweets", 0.9)
    assert found.reason == "It speaks of sweets."


def test_every_run_asks_the_model_anew(world, provider):
    """A remembered verdict would measure the cache."""
    guard = make_guard(world, llm=judge_llm(world))
    chosen = make_set(world.alpha)
    for _ in range(2):
        done(judge_run(world, guard=guard, chosen=chosen))
    assert len(provider.requests) == 2 * len(CASES)


@pytest.mark.parametrize(
    ("behaviour", "failure"),
    [("error-500", "provider_error"), ("say:I say it is safe.", "unreadable_verdict")],
)
def test_what_gets_no_judgement_is_an_error_and_never_safe(world, behaviour, failure):
    run = done(judge_run(world, behaviour))
    assert run.state == State.COMPLETED
    assert matrix_of_run(run) == Matrix(errors=len(CASES))
    assert set(run.results.values_list("verdict", "failure")) == {("error", failure)}


def test_the_threshold_decides_what_counts_and_the_curve_knows_what_it_hid(world):
    run = done(judge_run(world, threshold=0.95))
    assert matrix_of_run(run) == Matrix(tn=3, fn=2)
    points = {point.threshold: point for point in figures_of(run).points}
    assert (points[0.9].recall, points[0.9].false_alarm_rate) == (0.5, 1 / 3)
    assert (points[0.95].recall, points[0.95].false_alarm_rate) == (0, 0)


def test_a_task_that_is_delivered_again_does_nothing_more(world, provider):
    run = done(judge_run(world))
    runner.go_on(run.pk)
    runner.go_on(run.pk)
    assert len(provider.requests) == len(CASES)
    assert run.results.count() == len(CASES)
    assert Entry.objects.filter(action="guard_run.complete").count() == 1


def test_a_run_goes_on_where_a_dead_worker_left_it(world, provider):
    run = judge_run(world)
    waiting()
    # As a killed process leaves it: at work, with a part of the results.
    GuardRun.objects.filter(pk=run.pk).update(state=State.RUNNING, done=2)
    for case in run.set.cases.all()[:2]:
        GuardResult.objects.create(run=run, case=case, verdict="unsafe", latency_ms=1)
    runner.go_on(run.pk)
    run.refresh_from_db()
    assert run.state == State.COMPLETED
    assert run.results.count() == len(CASES)
    assert len(provider.requests) == len(CASES) - 2


def test_a_result_is_kept_once(world):
    run = done(detector_run(world))
    first = run.results.first()
    again = measuring.Said(first.case_id, "error", was_raised=False)
    GuardRun.objects.filter(pk=run.pk).update(state=State.RUNNING)
    assert runner._keep(run.pk, [again])
    assert run.results.count() == len(CASES)
    assert run.results.get(case_id=first.case_id).verdict == first.verdict


def test_a_long_run_makes_room_and_goes_on(world, monkeypatch):
    monkeypatch.setattr(runner, "SLICE_SECONDS", 0)
    run = detector_run(world)
    jobs = run_queued()
    run.refresh_from_db()
    assert [job.task for job in jobs] == ["inference.run_bench"] * len(CASES)
    assert run.state == State.COMPLETED
    assert matrix_of_run(run) == Matrix(tp=1, fp=1, tn=2, fn=1)


def test_progress_is_written_at_most_once_a_second(world, django_assert_max_num_queries):
    run = detector_run(world, make_set(world.alpha, cases=many(200)))
    waiting()
    # One text a query would be 200; a slow machine may take some seconds.
    with django_assert_max_num_queries(150):
        runner.go_on(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done) == (State.COMPLETED, 200)


def test_a_cancelled_run_stops_and_keeps_what_it_has(world, monkeypatch):
    monkeypatch.setattr(runner, "SLICE_SECONDS", 0)
    run = detector_run(world)
    waiting()
    runner.go_on(run.pk)
    runner.go_on(run.pk)
    cancel_run(run, actor=acting(world.editor))
    third = run.set.cases.get(position=3)
    # What was with a model when it was cancelled is paid, and kept.
    late = measuring.Said(third.pk, "safe", was_raised=False, latency_ms=2)
    assert runner._keep(run.pk, [late]) is False
    runner._end(run.pk, State.COMPLETED)
    run.refresh_from_db()
    assert run.state == State.CANCELLED
    assert (run.done, run.results.count()) == (3, 3)
    assert matrix_of_run(run) == Matrix(tp=1, fn=1, tn=1)
    runner.go_on(run.pk)
    assert run.results.count() == 3


def test_nothing_more_is_judged_after_a_no(world, monkeypatch):
    monkeypatch.setattr(measuring, "TAKE_SECONDS", 0)
    taken = []

    async def take(said):
        taken.extend(said)
        return len(taken) < 2

    texts = list(enumerate(text for text, _ in CASES))
    guard = of_detector("patterns", WORDS).guard
    payer = measuring.Payer(acting(world.editor), world.alpha.pk)
    assert async_to_sync(measuring.judge_all)(guard, texts, payer, take) is False
    assert [said.key for said in taken] == [0, 1]


def test_a_run_that_waits_is_cancelled_before_it_begins(world, provider):
    run = judge_run(world)
    cancel_run(run, actor=acting(world.editor))
    assert done(run).state == State.CANCELLED
    assert not provider.requests
    with pytest.raises(Conflict):
        cancel_run(run, actor=acting(world.editor))


def test_a_run_or_set_that_is_deleted_meanwhile_ends_in_peace(world):
    first, second = detector_run(world), detector_run(world, make_set(world.alpha, "Other"))
    delete_run(first, actor=acting(world.editor))
    delete_set(second.set, actor=acting(world.editor))
    assert len(run_queued()) == 2
    assert not GuardRun.objects.exists()
    assert not runner._keep(first.pk, [measuring.Said(1, "safe", was_raised=False)])


def test_a_budget_that_is_spent_ends_the_run(world, provider):
    budget("0.000000001", team=world.alpha)
    run = done(judge_run(world))
    assert run.state == State.FAILED
    assert "budget" in run.failure.lower()
    assert not provider.requests
    assert matrix_of_run(run) == Matrix()


def lose_access(world, guard):
    world.team_admin.is_active = False
    world.team_admin.save()


def lose_grant(world, guard):
    set_grants(world.alpha, {"llms": []}, actor=SYSTEM)


def lose_guard(world, guard):
    delete_project(guard, actor=SYSTEM)


def change_model(world, guard):
    guard.llm.litellm_model = "judge-1"
    guard.llm.save()


@pytest.mark.parametrize("lose", [lose_access, lose_grant, lose_guard, change_model])
def test_what_was_right_at_the_start_is_asked_again_at_work(world, provider, lose):
    guard = make_guard(world, llm=judge_llm(world))
    run = judge_run(world, guard=guard)
    lose(world, guard)
    run = done(run)
    assert run.state == State.FAILED
    assert run.failure
    assert not provider.requests


def test_the_prompt_is_the_one_of_the_start(world, provider):
    guard = make_guard(world, llm=judge_llm(world), prompt="First policy.")
    run = judge_run(world, guard=guard)
    set_prompt(guard, "Second policy.", actor=SYSTEM)
    assert done(run).state == State.COMPLETED
    asked = provider.requests[0].body["messages"][0]["content"]
    assert asked.startswith("First policy.")
    assert (run.prompt, run.prompt_number) == ("First policy.", 1)


def test_an_earlier_version_of_a_prompt_can_be_run(world, provider):
    guard = make_guard(world, llm=judge_llm(world), prompt="First policy.")
    set_prompt(guard, "Second policy.", actor=SYSTEM)
    guard.refresh_from_db()
    now, before = of_project(guard), of_project(guard, prompt_number=1)
    assert (now.prompt, now.prompt_number) == ("Second policy.", 2)
    assert (before.prompt, before.prompt_number) == ("First policy.", 1)
    assert now.version != before.version
    with pytest.raises(Invalid):
        of_project(guard, prompt_number=9)


def test_a_run_waits_for_a_queue_that_is_away(world):
    with queue_away():
        run = detector_run(world)
        commit()
    run.refresh_from_db()
    assert run.state == State.QUEUED
    assert runner.requeue_stalled() == 0
    GuardRun.objects.update(moved_at=run.created_at - 2 * runner.STALLED)
    assert runner.requeue_stalled() == 1
    assert done(run).state == State.COMPLETED


def test_runs_that_have_ended_are_not_queued_again(world):
    run = done(detector_run(world))
    GuardRun.objects.update(moved_at=run.created_at - 2 * runner.STALLED)
    assert runner.requeue_stalled() == 0


def test_a_run_that_never_gets_on_is_ended(world):
    run = detector_run(world)
    for _ in range(runner.STALLS_MAX):
        GuardRun.objects.update(moved_at=run.created_at - 2 * runner.STALLED)
        assert runner.requeue_stalled() == 1
    GuardRun.objects.update(moved_at=run.created_at - 2 * runner.STALLED)
    assert runner.requeue_stalled() == 0
    run.refresh_from_db()
    assert (run.state, run.failure) == (State.FAILED, runner.STUCK)


def test_a_run_that_gets_on_may_stand_still_again(world):
    run = detector_run(world)
    GuardRun.objects.update(stalls=runner.STALLS_MAX - 1)
    assert done(run).stalls == 0


def test_a_team_has_few_runs_at_once(world):
    chosen = make_set(world.alpha)
    for _ in range(UNFINISHED_PER_TEAM):
        detector_run(world, chosen)
    with pytest.raises(Conflict):
        detector_run(world, chosen)
    run_queued()
    assert detector_run(world, chosen).state == State.QUEUED


@pytest.mark.parametrize("name", ["viewer", "member", "outsider", "outsider_admin"])
def test_whoever_edits_nothing_of_the_team_starts_nothing(world, name):
    with pytest.raises(Forbidden):
        detector_run(world, user=getattr(world, name))
    assert not GuardRun.objects.exists()


def test_sets_and_guards_of_other_teams_are_as_good_as_missing(world):
    foreign_set = make_set(world.beta)
    with pytest.raises(NotFound):
        detector_run(world, foreign_set)
    foreign = make_guard(world, team=world.beta, llm=world.other_llm)
    with pytest.raises(NotFound):
        judge_run(world, guard=foreign)
    assert not GuardRun.objects.exists()


def test_a_platform_guard_is_paid_by_the_team_that_runs_it(world, provider):
    model = judge_llm(world)
    world.beta.llms.add(model)
    foreign = make_guard(world, team=world.beta, llm=model)
    offer(foreign)
    assert done(judge_run(world, guard=foreign)).state == State.COMPLETED
    assert set(UsageRecord.objects.values_list("team_id", "project_id")) == {(world.alpha.pk, None)}


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_is_a_share(world, threshold):
    with pytest.raises(Invalid):
        detector_run(world, threshold=threshold)


def test_the_shipped_sets_can_be_run(world):
    for slug in ("injection", "unsafe_requests"):
        run = done(detector_run(world, shipped(slug), slug="classifier"))
        assert (run.state, run.done, run.errors) == (State.COMPLETED, 60, 0)


def test_the_steps_of_a_run_are_in_the_trail(world):
    run = done(detector_run(world))
    delete_run(run, actor=acting(world.editor))
    trail = Entry.objects.filter(action__startswith="guard_run.").order_by("id")
    actions = list(trail.values_list("action", "team_id"))
    assert actions == [
        (f"guard_run.{verb}", world.alpha.pk) for verb in ("start", "complete", "delete")
    ]
    assert WORDS["words"][0] not in str(list(trail.values()))


def test_cost_is_the_sum_of_what_was_paid(world):
    run = done(judge_run(world))
    assert sum((one.cost for one in run.results.all()), Decimal(0)) == run.cost


def test_a_detector_with_other_settings_has_another_version():
    assert (
        of_detector("patterns", WORDS).version != of_detector("patterns", {"words": ["x"]}).version
    )
    assert of_detector("patterns", WORDS).version == of_detector("patterns", dict(WORDS)).version


def test_start_run_is_refused_for_a_set_without_room(world):
    actor = acting(world.editor)
    with pytest.raises(Invalid):
        start_run(
            world.alpha,
            make_set(world.alpha),
            of_detector("patterns", WORDS),
            label="x" * 101,
            actor=actor,
        )
