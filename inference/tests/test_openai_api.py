"""`/v1/chat/completions`: the shapes of OpenAI's API, and a durable usage row for every call."""

import json
from decimal import Decimal

import pytest

from catalog.sections import ModelsSection
from metering.models import UsageRecord
from projects.models import Project
from restai_site.lib.configuration import overridden
from restai_site.tests.canaries import canary
from restai_site.tests.clients import post_for_stream
from restai_site.tests.world import make_key

URL = "/v1/chat/completions"
HELLO = {"model": "alpha-llm", "messages": [{"role": "user", "content": "Hello"}]}


def stream(user, body=None):
    return post_for_stream(URL, HELLO | {"stream": True} | (body or {}), key=make_key(user)[1])


def events(sent):
    body = sent.decode()
    assert body.endswith("\n\n")
    return [block.removeprefix("data: ") for block in body.strip().split("\n\n")]


def test_an_answer_has_openais_shape_and_the_providers_usage(world, api_as):
    answer = api_as(world.member).post(URL, HELLO).json()
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "alpha-llm"
    choice = answer["choices"][0]
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"].startswith("The quick brown fox")
    assert choice["finish_reason"] == "stop"
    assert answer["usage"]["total_tokens"] == (
        answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]
    )


def test_the_usage_row_says_who_what_and_how_much(world, api):
    key, plaintext = make_key(world.member)
    usage = api.with_key(plaintext).post(URL, HELLO).json()["usage"]
    row = UsageRecord.objects.get()
    assert (row.user_id, row.api_key_id, row.team_id) == (world.member.pk, key.pk, world.alpha.pk)
    assert (row.model_name, row.project_id, row.kind) == ("alpha-llm", None, "chat")
    assert (row.prompt_tokens, row.completion_tokens) == (
        usage["prompt_tokens"],
        usage["completion_tokens"],
    )
    assert row.tokens_source == "provider"
    assert (row.outcome, row.streamed) == ("completed", False)
    assert row.cost == (Decimal(row.prompt_tokens) + 2 * Decimal(row.completion_tokens)) / 10**6


def test_a_project_is_called_by_its_number_with_its_prompt_first(world, api_as, provider):
    Project.objects.filter(pk=world.project.pk).update(temperature=0.5, max_tokens=100)
    body = HELLO | {"model": f"project/{world.project.pk}", "max_tokens": 5000}
    assert api_as(world.viewer).post(URL, body).status_code == 200
    sent = provider.requests[-1].body
    assert sent["messages"] == [
        {"role": "system", "content": "You are Alpha."},
        {"role": "user", "content": "Hello"},
    ]
    assert (sent["temperature"], sent["max_tokens"]) == (0.5, 100)
    assert UsageRecord.objects.get().project_id == world.project.pk


def test_only_editors_send_system_messages_to_a_project(world, api_as, provider):
    body = {
        "model": f"project/{world.project.pk}",
        "messages": [{"role": "system", "content": "Obey me"}, {"role": "user", "content": "Hi"}],
    }
    refused = api_as(world.viewer).post(URL, body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "system_message_refused")
    assert provider.requests == []
    assert api_as(world.editor).post(URL, body).status_code == 200


@pytest.mark.parametrize("who", ["outsider", "outsider_admin"])
@pytest.mark.parametrize(
    "model", ["alpha-llm", "project", "no-such-model", "project/x", "project/"]
)
def test_what_is_not_ones_own_is_answered_like_what_does_not_exist(
    world, api_as, provider, who, model
):
    name = f"project/{world.project.pk}" if model == "project" else model
    answer = api_as(getattr(world, who)).post(URL, HELLO | {"model": name})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"
    assert provider.requests == []
    assert not UsageRecord.objects.exists()


def test_a_withdrawn_grant_stops_the_next_call(world, api_as, provider):
    program = api_as(world.viewer)
    world.alpha.llms.clear()
    assert program.post(URL, HELLO).status_code == 404
    by_project = program.post(URL, HELLO | {"model": f"project/{world.project.pk}"})
    assert (by_project.status_code, by_project.json()["error"]["code"]) == (
        403,
        "model_not_granted",
    )
    assert provider.requests == []


def test_a_stream_has_openais_chunks_and_ends_with_done(world):
    response, sent = stream(world.member, {"stream_options": {"include_usage": True}})
    assert response.headers["Content-Type"] == "text/event-stream"
    *chunks, usage, done = events(sent)
    assert done == "[DONE]"
    parsed = [json.loads(chunk) for chunk in chunks]
    assert {chunk["object"] for chunk in parsed} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in parsed}) == 1
    assert parsed[0]["choices"][0]["delta"]["role"] == "assistant"
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in parsed)
    assert text.startswith("The quick brown fox")
    assert parsed[-1]["choices"][0]["finish_reason"] == "stop"
    assert (
        json.loads(usage)["usage"]["completion_tokens"]
        == UsageRecord.objects.get().completion_tokens
    )


def test_without_usage_from_the_provider_a_tokenizer_counts(world, api_as):
    world.llm.litellm_model = "no-usage"
    world.llm.save()
    for ask in (lambda: api_as(world.member).post(URL, HELLO), lambda: stream(world.member)):
        ask()
        row = UsageRecord.objects.latest("id")
        assert row.tokens_source == "tokenizer"
        assert row.prompt_tokens > 0
        assert row.completion_tokens > 0


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        ("error-401", 502),
        ("error-404", 502),
        ("error-429", 502),
        ("error-500", 502),
        ("garbage", 502),
        ("html", 502),
        ("wrong-shape", 502),
        ("redirect", 502),
        ("hang-up", 502),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_failing_provider_is_explained_and_counted(world, api_as, behaviour, status, streamed):
    world.llm.litellm_model = behaviour
    world.llm.save()
    if streamed:
        response, _ = stream(world.member)
    else:
        response = api_as(world.member).post(URL, HELLO)
    assert response.status_code in (status, 429, 503)
    error = json.loads(response.content)["error"]
    assert error["message"]
    assert canary("provider key") not in response.content.decode()
    assert UsageRecord.objects.get().outcome == "provider_error"


def test_a_silent_provider_is_given_up(world, api_as):
    world.llm.litellm_model = "hang"
    world.llm.save()
    with overridden(ModelsSection, idle_seconds=1, total_seconds=1):
        response = api_as(world.member).post(URL, HELLO)
    assert response.status_code == 504
    assert UsageRecord.objects.get().outcome == "timeout"


def test_an_unreachable_provider_is_named_without_its_address(world, api_as):
    world.provider.base_url = "http://127.0.0.1:9/v1"
    world.provider.save()
    response = api_as(world.member).post(URL, HELLO)
    assert response.status_code == 502
    assert "127.0.0.1" not in response.json()["error"]["message"]


@pytest.mark.parametrize("behaviour", ["cut-mid-stream", "error-mid-stream"])
def test_a_stream_that_breaks_ends_with_an_error_and_is_counted(world, behaviour):
    world.llm.litellm_model = behaviour
    world.llm.save()
    blocks = events(stream(world.member)[1])
    assert json.loads(blocks[-1])["error"]["message"]
    row = UsageRecord.objects.get()
    assert row.outcome == "provider_error"
    assert row.completion_tokens > 0


def test_models_lists_what_the_caller_may_name(world, api_as):
    ids = [entry["id"] for entry in api_as(world.member).get("/v1/models").json()["data"]]
    assert ids == ["alpha-llm", "alpha-embedding", f"project/{world.shared_project.pk}"]
    assert api_as(world.member).get("/v1/models/alpha-llm").json()["object"] == "model"
    assert api_as(world.member).get("/v1/models/beta-llm").status_code == 404


def test_embeddings_come_as_floats_and_as_base64(world, api_as):
    body = {"model": "alpha-embedding", "input": ["one", "two"]}
    plain = api_as(world.member).post("/v1/embeddings", body).json()
    packed = (
        api_as(world.member).post("/v1/embeddings", body | {"encoding_format": "base64"}).json()
    )
    assert [row["index"] for row in plain["data"]] == [0, 1]
    assert isinstance(packed["data"][0]["embedding"], str)
    assert UsageRecord.objects.filter(kind="embedding").count() == 2


def test_a_call_costs_few_queries(world, api_as, django_assert_num_queries):
    program = api_as(world.member)
    program.post(URL, HELLO)
    with django_assert_num_queries(3):  # key, model with its grant, usage
        program.post(URL, HELLO)
    with django_assert_num_queries(4):  # and the log of the project
        program.post(URL, HELLO | {"model": f"project/{world.shared_project.pk}"})
