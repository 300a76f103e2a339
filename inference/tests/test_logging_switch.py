"""Inference logging that is switched off while people chat, on a real server and real locks."""

from functools import partial

import pytest
from django.db import connection, transaction

from catalog.models import LLM
from inference.models import Conversation, InferenceLog, Message
from inference.services import delete_conversation
from inference.tests.sockets import streamed_while
from metering.models import UsageRecord
from projects.services import update_project
from restai_site.tests import waiting
from restai_site.tests.tables import tables_holding
from restai_site.tests.waiting import waiters_for_locks
from restai_site.tests.world import SYSTEM, acting, make_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WAIT_SECONDS = 20
eventually = partial(waiting.eventually, seconds=WAIT_SECONDS)


@pytest.fixture
def world(transactional_db, provider):
    provider.requests.clear()
    return make_world(provider.url)


def behave(world, name):
    LLM.objects.filter(pk=world.llm.pk).update(litellm_model=name)


def chat_url(world):
    return f"/api/projects/{world.project.pk}/chat"


def switch_off(world, *, delete=False):
    off = {"inference_logging": "off"}
    update_project(world.project, off, delete_conversations=delete, actor=SYSTEM)


def switch_off_elsewhere(world):
    """As `switch_off` with deletion, in a thread with a connection of its own."""
    try:
        switch_off(world, delete=True)
    finally:
        connection.close()


def streamed(program, world, meanwhile):
    """Stream a slow answer, call `meanwhile` once it has begun, and return all events."""
    return streamed_while(program, chat_url(world), {"message": "Hi"}, meanwhile)


def test_an_answer_that_is_under_way_is_given_but_not_kept(program, world):
    behave(world, "slow-50")
    events = streamed(program, world, lambda: switch_off(world))
    assert events[0][1]["conversation_id"] == str(Conversation.objects.get().pk)
    assert len([name for name, _ in events if name == "token"]) > 10
    name, done = events[-1]
    assert (name, done["outcome"], done["message_id"]) == ("done", "completed", None)
    assert [message.role for message in Message.objects.all()] == ["user"]
    assert tables_holding("The quick brown fox") == []
    assert UsageRecord.objects.get().outcome == "completed"


def test_an_answer_that_is_under_way_does_not_bring_back_what_is_deleted(program, world):
    behave(world, "slow-50")
    events = streamed(program, world, lambda: switch_off(world, delete=True))
    assert (events[-1][0], events[-1][1]["message_id"]) == ("done", None)
    assert not Conversation.objects.exists()
    assert not Message.objects.exists()
    assert UsageRecord.objects.get().outcome == "completed"


def test_an_answer_of_a_conversation_that_is_deleted_meanwhile_leaves_no_word(program, world):
    behave(world, "slow-50")

    def delete():
        delete_conversation(Conversation.objects.get(), actor=acting(world.viewer))

    events = streamed(program, world, delete)
    assert (events[-1][0], events[-1][1]["message_id"]) == ("done", None)
    log = InferenceLog.objects.get()
    assert (log.question, log.answer, log.outcome) == ("", "", "completed")
    assert tables_holding("The quick brown fox") == []


def test_the_next_message_obeys_the_new_rule(program, world):
    mine = program.post(chat_url(world), json={"message": "Hi"}).json()["conversation_id"]
    switch_off(world)
    refused = program.post(chat_url(world), json={"message": "Hi", "conversation_id": mine})
    assert (refused.status_code, refused.json()["code"]) == (400, "conversation_not_kept")
    answer = program.post(chat_url(world), json={"message": "Hi"})
    assert (answer.status_code, answer.json()["conversation_id"]) == (200, None)
    assert Message.objects.count() == 2


def test_a_question_that_comes_during_the_switch_waits_and_is_not_kept(program, world, threads):
    with transaction.atomic():
        switch_off(world)
        asked = threads.submit(program.post, chat_url(world), json={"message": "Hi"})
        eventually(waiters_for_locks)
    answer = asked.result(WAIT_SECONDS)
    assert (answer.status_code, answer.json()["conversation_id"]) == (200, None)
    assert not Conversation.objects.exists()
    assert not Message.objects.exists()


@pytest.mark.parametrize("delete", [False, True])
def test_an_answer_that_ends_during_the_switch_waits_and_is_not_kept(
    program, world, threads, delete
):
    behave(world, "slow-1000")
    asked = threads.submit(program.post, chat_url(world), json={"message": "Hi"})
    eventually(Message.objects.exists)
    with transaction.atomic():
        switch_off(world, delete=delete)
        eventually(waiters_for_locks)
    answer = asked.result(WAIT_SECONDS)
    assert (answer.status_code, answer.json()["message_id"]) == (200, None)
    assert not Message.objects.filter(role="assistant").exists()
    assert Message.objects.exists() is not delete
    assert UsageRecord.objects.get().outcome == "completed"


def test_an_answer_that_is_being_written_is_waited_for_and_deleted_too(world, threads):
    talk = Conversation.objects.create(project=world.project, user=world.viewer, title="Hi")
    with transaction.atomic():
        Conversation.objects.select_for_update(no_key=True).get(pk=talk.pk)
        switched = threads.submit(switch_off_elsewhere, world)
        eventually(waiters_for_locks)
        Message.objects.create(conversation=talk, role="user", content="Hi")
    switched.result(WAIT_SECONDS)
    assert not Conversation.objects.exists()
    assert not Message.objects.exists()


@pytest.mark.parametrize("behaviour", ["mock", "slow-20"])
def test_whatever_is_said_around_the_switch_nothing_of_it_stays(program, world, threads, behaviour):
    """Many chats begin, run and end while the project is switched off and its conversations go."""
    behave(world, behaviour)

    def chat(number):
        stream = number % 2 == 1
        body = {"message": f"Number {number}", "stream": stream}
        first = program.post(chat_url(world), json=body)
        if stream or first.json()["conversation_id"] is None:
            return [first]
        more = {**body, "conversation_id": first.json()["conversation_id"]}
        return [first, program.post(chat_url(world), json=more)]

    running = [threads.submit(chat, number) for number in range(60)]
    eventually(lambda: Message.objects.filter(role="assistant").count() > 10)
    switch_off(world, delete=True)
    answers = [answer for one in running for answer in one.result(WAIT_SECONDS)]
    statuses = [answer.status_code for answer in answers]
    # A conversation that has gone cannot be continued; nothing else goes wrong.
    assert set(statuses) <= {200, 400}
    assert not any("event: error" in answer.text for answer in answers)
    assert not Conversation.objects.exists()
    assert not Message.objects.exists()
    assert UsageRecord.objects.count() == statuses.count(200)
