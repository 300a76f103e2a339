"""With inference logging off, what is said is afterwards in no table, no cache and no log.

A word that stands nowhere else goes through every way to a model, against a server that logs all
it can: every logger at DEBUG, each SQL statement, each request. Then it is looked for.
"""

import asyncio
import json
import logging
import socket
import time
from functools import partial
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from django.core.cache import cache

from catalog.models import LLM, EmbeddingModel, ProviderAccount
from inference.models import InferenceLog, Message
from inference.tests.talkative import assert_the_log_says_much, places_of
from metering.models import UsageRecord
from projects.services import update_project
from restai_site.tests import waiting
from restai_site.tests.clients import post_for_stream
from restai_site.tests.world import SYSTEM, make_key, make_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WAIT_SECONDS = 20
eventually = partial(waiting.eventually, seconds=WAIT_SECONDS)
BREAKING = [
    "echo-error-400",
    "echo-error-401",
    "echo-error-404",
    "echo-error-429",
    "echo-error-500",
    "echo-cut-mid-stream",
    "echo-error-mid-stream",
]


@pytest.fixture
def world(transactional_db, provider):
    provider.requests.clear()
    cache.clear()
    return make_world(provider.url)


@pytest.fixture
def mark():
    return f"mark{uuid4().hex}"


@pytest.fixture
def program(talkative, world):
    """The viewer's program; it keeps what it has been answered."""
    headers = {"Authorization": f"Bearer {make_key(world.viewer)[1]}"}
    with httpx.Client(base_url=talkative.url, headers=headers, timeout=WAIT_SECONDS) as client:
        yield client


def behave(world, name):
    LLM.objects.filter(pk=world.llm.pk).update(litellm_model=name)
    EmbeddingModel.objects.filter(pk=world.embedding_model.pk).update(litellm_model=name)


def chat_url(world):
    return f"/api/projects/{world.project.pk}/chat"


def chat_body(world, mark, **more):
    turns = [
        {"role": "user", "content": f"Earlier {mark}"},
        {"role": "assistant", "content": f"Indeed {mark}"},
    ]
    kept = world.project.inference_logging == "full"
    return {"message": f"Say {mark}", **({} if kept else {"history": turns}), **more}


def completion_body(model, mark, **more):
    return {"model": model, "messages": [{"role": "user", "content": f"Say {mark}"}], **more}


def ask_everywhere(program, world, mark):
    """Say the mark in the chat and to /v1, to the project and to its model, streamed or not."""
    answers = []
    for stream in (False, True):
        answers.append(program.post(chat_url(world), json=chat_body(world, mark, stream=stream)))
        for model in (f"project/{world.project.pk}", world.llm.name):
            body = completion_body(model, mark, stream=stream)
            answers.append(program.post("/v1/chat/completions", json=body))
    body = {"model": world.embedding_model.name, "input": [f"Place {mark}"]}
    answers.append(program.post("/v1/embeddings", json=body))
    return answers


def hang_up(talkative, world, path, body, mark):
    """Send a request by hand, leave once the mark has come back, or the provider has been asked."""
    address = urlsplit(talkative.url)
    data = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {make_key(world.viewer)[1]}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    before = UsageRecord.objects.count()
    where = (address.hostname, address.port)
    with socket.create_connection(where, timeout=WAIT_SECONDS) as connection:
        connection.sendall(head.encode() + data)
        received = b""
        while mark.encode() not in received:
            received += connection.recv(65536)
    eventually(lambda: UsageRecord.objects.count() == before + 1)
    assert UsageRecord.objects.latest("id").outcome == "cancelled"


def switch_off(world, mode="off"):
    update_project(world.project, {"inference_logging": mode}, actor=SYSTEM)
    world.project.refresh_from_db()


def test_the_search_finds_what_is_kept(program, world, talkative, mark):
    """So that finding nothing means something: with logging on, and a word in the cache."""
    behave(world, "echo")
    assert {answer.status_code for answer in ask_everywhere(program, world, mark)} == {200}
    cache.set("note", f"a {mark}", 60)
    places = places_of(mark, talkative)
    tables = {"inference_conversation", "inference_message", "inference_inferencelog"}
    assert tables <= set(places)
    assert any(place.endswith(":note") for place in places)
    assert any('INSERT INTO "inference_message"' in place for place in places)
    cache.clear()


@pytest.mark.parametrize("mode", ["off", "metadata"])
def test_answers_are_in_no_table_no_cache_and_no_log(
    program, world, talkative, mark, provider, mode
):
    switch_off(world, mode)
    behave(world, "echo")
    answers = ask_everywhere(program, world, mark)
    assert [answer.status_code for answer in answers] == [200] * 7
    assert all(mark in answer.text for answer in answers[:-1])
    assert all(mark in json.dumps(request.body) for request in provider.requests)
    assert not any(mark in str(answer.headers) for answer in answers)
    assert UsageRecord.objects.count() == 7
    assert InferenceLog.objects.count() == (0 if mode == "off" else 4)
    assert_the_log_says_much(talkative)
    assert places_of(mark, talkative) == []


@pytest.mark.parametrize("behaviour", BREAKING)
def test_an_error_that_repeats_the_question_goes_to_the_client_alone(
    program, world, talkative, mark, behaviour
):
    switch_off(world)
    behave(world, behaviour)
    answers = ask_everywhere(program, world, mark)
    assert UsageRecord.objects.filter(outcome="provider_error").count() >= 3
    if behaviour in {"echo-error-400", "echo-error-429", "echo-error-500"}:
        # The provider's words do reach whoever asked, cut short.
        assert all("no answer to" in answer.text for answer in answers)
    assert places_of(mark, talkative) == []


def test_a_client_that_hangs_up_leaves_numbers_alone(world, talkative, mark):
    switch_off(world)
    behave(world, "echo-stall-mid-stream")
    chat = chat_body(world, mark, stream=True)
    completion = completion_body(f"project/{world.project.pk}", mark, stream=True)
    hang_up(talkative, world, chat_url(world), chat, mark)
    hang_up(talkative, world, "/v1/chat/completions", completion, mark)
    assert not Message.objects.exists()
    row = UsageRecord.objects.latest("id")
    assert (row.tokens_source, row.completion_tokens > 0) == ("tokenizer", True)
    assert places_of(mark, talkative) == []


@pytest.mark.parametrize("stream", [False, True])
def test_an_event_loop_that_reports_each_step_tells_no_word(
    world, mark, caplog, monkeypatch, stream
):
    """Python's own loop, in its debugging mode, logs whatever took longer than a limit."""
    switch_off(world)
    behave(world, "echo")
    body, key = chat_body(world, mark, stream=stream), make_key(world.viewer)[1]
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    no_time = property(lambda loop: 0, lambda loop, seconds: None)
    monkeypatch.setattr(asyncio.BaseEventLoop, "slow_callback_duration", no_time, raising=False)
    with caplog.at_level(logging.DEBUG):
        _, sent = post_for_stream(chat_url(world), body, key=key)
    assert mark.encode() in sent
    assert "Executing <" in caplog.text
    assert mark not in caplog.text


def test_a_request_that_is_refused_is_not_written_down(program, world, talkative, mark):
    switch_off(world)
    url, good = chat_url(world), chat_body(world, mark)
    bodies = [
        {**good, mark: 1},
        {**good, "conversation_id": mark},
        {**good, "conversation_id": str(uuid4())},
        {**good, "history": [{"role": mark, "content": mark}]},
        {**good, "history": mark},
        {"regenerate_message_id": mark},
    ]
    for body in bodies:
        assert program.post(url, json=body).status_code == 400, body
    broken = json.dumps(good)[:-1].encode()
    headers = {"Content-Type": "application/json"}
    assert program.post(url, content=broken, headers=headers).status_code == 400
    assert program.post("/v1/chat/completions", json={"model": mark}).status_code == 400
    refused = program.post("/v1/chat/completions", json=completion_body("no-such", mark))
    assert refused.status_code == 404
    other = f"/api/projects/{world.other_project.pk}/chat"
    assert program.post(other, json=good).status_code == 404
    world.llm.enabled = False
    world.llm.save()
    assert program.post(url, json=good).status_code == 403
    assert not UsageRecord.objects.exists()
    assert places_of(mark, talkative) == []


@pytest.mark.parametrize("behaviour", ["echo", "echo-error-400", "echo-error-500"])
def test_the_library_for_other_providers_writes_nothing_down(
    program, world, talkative, mark, behaviour, provider
):
    switch_off(world)
    behave(world, behaviour)
    base = provider.url.removesuffix("/v1")
    ProviderAccount.objects.filter(pk=world.provider.pk).update(kind="anthropic", base_url=base)
    for stream in (False, True):
        answer = program.post(chat_url(world), json=chat_body(world, mark, stream=stream))
        assert (mark in answer.text) == (behaviour == "echo"), answer.text
    assert any(mark in json.dumps(request.body) for request in provider.requests)
    assert UsageRecord.objects.count() == 2
    time.sleep(0.5)  # the library does some of its work after it has answered
    assert places_of(mark, talkative) == []
