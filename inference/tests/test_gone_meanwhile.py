"""What a guarded call names goes while it is answered: it is counted, and no word of it is left."""

import time
from contextlib import contextmanager
from decimal import Decimal
from functools import partial

import pytest
from django.db import connection, transaction

from accounts.models import Session, User
from accounts.services import delete_user
from accounts.services.erasure import erase_user
from audit.models import Entry
from catalog.models import LLM
from guards.models import GuardEvent
from guards.services import remove_binding
from inference.models import InferenceLog
from inference.tests.guarding import bind_detector, bind_guard, judge_llm, make_guard
from inference.tests.sockets import streamed_while
from metering.models import Reservation, UsageRecord
from metering.services import create_budget
from projects.models import Project
from projects.services import delete_project
from restai_site.tests.clients import start_session
from restai_site.tests.tables import tables_holding
from restai_site.tests.waiting import eventually, waiters_for_locks
from restai_site.tests.world import SYSTEM, make_world
from teams.services import delete_team

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WAIT_SECONDS = 20
# PostgreSQL's deadlock_timeout, as it is by itself.
LOOKS_FOR_CIRCLES_AFTER_SECONDS = 1
ANSWER = "The quick brown fox"


@pytest.fixture
def world(transactional_db, provider):
    provider.requests.clear()
    world = make_world(provider.url)
    LLM.objects.filter(pk=world.llm.pk).update(litellm_model="slow-50")
    return world


@pytest.fixture
def stream(program):
    """Return a function: a slow answer, and what happens once it has begun."""
    return partial(streamed_while, program)


def warns(project):
    """Bind a guard that finds something in what is asked, and lets it pass."""
    return bind_detector(project, configuration={"words": ["herons"]}, mode="warn")


def is_counted():
    """Tell whether the call has its row, and holds nothing any more."""
    held = Reservation.objects.filter(state=Reservation.State.HELD)
    return UsageRecord.objects.count() == 1 and not held.exists()


def ways(world):
    asked = "Where do herons nest?"
    return {
        "chat": (f"/api/projects/{world.project.pk}/chat", {"message": asked}),
        "api": (
            "/v1/chat/completions",
            {
                "model": f"project/{world.project.pk}",
                "messages": [{"role": "user", "content": asked}],
            },
        ),
    }


@pytest.mark.parametrize("way", ["chat", "api"])
def test_a_guard_that_is_taken_away_leaves_its_finding(world, stream, way):
    binding = warns(world.project)
    stream(*ways(world)[way], partial(remove_binding, binding, actor=SYSTEM))
    eventually(is_counted, seconds=WAIT_SECONDS)
    assert UsageRecord.objects.get().outcome == "completed"
    event = GuardEvent.objects.get()
    assert (event.binding_id, event.guard_name, event.outcome) == (None, "patterns", "warned")
    assert InferenceLog.objects.get().outcome == "completed"


@pytest.mark.parametrize("is_guarded", [True, False])
@pytest.mark.parametrize("way", ["chat", "api"])
@pytest.mark.parametrize("what", ["person", "project", "team"])
def test_of_what_is_deleted_no_word_is_left(world, stream, what, way, is_guarded):
    if is_guarded:
        warns(world.project)
    projects = list(world.alpha.projects.all()) if what == "team" else [world.project]

    def delete():
        if what == "person":
            return delete_user(world.viewer, actor=SYSTEM)
        for project in projects:
            delete_project(project, actor=SYSTEM)
        return delete_team(world.alpha, actor=SYSTEM) if what == "team" else None

    stream(*ways(world)[way], delete)
    eventually(is_counted, seconds=WAIT_SECONDS)
    for words in ("herons nest", ANSWER):
        assert tables_holding(words) == []


@pytest.mark.parametrize("way", ["chat", "api"])
def test_a_guard_project_that_is_deleted_leaves_its_finding(world, stream, way):
    guard = make_guard(world, llm=judge_llm(world))
    bind_guard(world.project, guard)
    stream(*ways(world)[way], partial(delete_project, guard, actor=SYSTEM))
    eventually(GuardEvent.objects.exists, seconds=WAIT_SECONDS)
    event = GuardEvent.objects.get()
    assert (event.guard_id, event.guard_name) == (None, "Judge")
    outcomes = list(UsageRecord.objects.values_list("outcome", flat=True))
    assert outcomes == ["completed", "completed"]


@contextmanager
def held_up(user):
    """Hold up whoever deletes the user half-way, until the block is over."""
    row = Session.objects.get(user=user)
    with transaction.atomic():
        Session.objects.select_for_update().get(pk=row.pk)
        yield


@pytest.mark.parametrize("is_guarded", [True, False])
def test_an_answer_that_ends_while_its_person_is_being_deleted_waits_for_that(
    world, stream, threads, is_guarded
):
    """Each would have what the other waits for, had the answer begun with its counters."""
    if is_guarded:
        warns(world.project)
    create_budget(world.viewer, period="day", unit="money", amount=Decimal(100), actor=SYSTEM)
    start_session(world.viewer)
    deleting = []

    def delete():
        try:
            delete_user(world.viewer, actor=SYSTEM)
        finally:
            connection.close()

    def begin_to_delete():
        deleting.append(threads.submit(delete))
        eventually(lambda: waiters_for_locks() == 1, seconds=WAIT_SECONDS)

    with held_up(world.viewer):
        asked = threads.submit(stream, *ways(world)["chat"], begin_to_delete)
        eventually(lambda: waiters_for_locks() == 2, seconds=WAIT_SECONDS)
        # Of two in a circle the database ends the one that looks for it second: the deletion.
        time.sleep(LOOKS_FOR_CIRCLES_AFTER_SECONDS + 0.5)
    deleting[0].result(WAIT_SECONDS)
    asked.result(WAIT_SECONDS)
    eventually(is_counted, seconds=WAIT_SECONDS)
    assert tables_holding("herons nest") == []


@pytest.mark.parametrize("delete_for_good", [delete_user, erase_user])
def test_deleting_a_person_begins_anew_where_a_question_of_theirs_is_just_being_kept(
    world, threads, delete_for_good
):
    """A question holds its project, then names its person; deleting holds them the other way."""
    Project.objects.filter(pk=world.project.pk).update(created_by=world.viewer)

    def delete():
        try:
            delete_for_good(world.viewer, actor=SYSTEM)
        finally:
            connection.close()

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM projects_project WHERE id = %s FOR SHARE", [world.project.pk])
        deleting = threads.submit(delete)
        eventually(lambda: waiters_for_locks() == 1, seconds=WAIT_SECONDS)
        cursor.execute("SELECT 1 FROM accounts_user WHERE id = %s FOR KEY SHARE", [world.viewer.pk])
    deleting.result(WAIT_SECONDS)
    assert not User.objects.filter(pk=world.viewer.pk).exists()
    assert Entry.objects.filter(action="user.delete").count() == 1
