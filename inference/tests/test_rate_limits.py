"""Calls over a limit are refused on every surface, before anything of them is kept, in words."""

import json

import pytest

from accounts.models import User
from inference.models import Conversation, Message
from metering.models import Budget, UsageRecord
from metering.rates.services import set_project_rate
from projects.models import Project
from restai_site.tests.black_holes import BlackHole
from restai_site.tests.clients import AuditedAPIClient, post_for_stream
from restai_site.tests.world import SYSTEM, make_key

CHAT, EMBED = "/v1/chat/completions", "/v1/embeddings"
NAMES = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy")


def limited(answer):
    return {name: answer.headers[name] for name in NAMES if name in answer.headers}


def hello(model, **more):
    return {"model": model, "messages": [{"role": "user", "content": "Hello"}], **more}


@pytest.fixture
def narrow(world):
    """The project, which takes two requests a minute."""
    return set_project_rate(world.project, requests_per_minute=2, actor=SYSTEM)


@pytest.fixture
def surfaces(narrow):
    """The ways to the project, each with its body."""
    return {
        "v1": (CHAT, hello(f"project/{narrow.pk}")),
        "chat": (f"/api/projects/{narrow.pk}/chat", {"message": "Hello"}),
    }


@pytest.mark.parametrize("way", ["v1", "chat"])
def test_the_third_request_of_a_minute_is_refused_in_words(world, api_as, surfaces, way, provider):
    program, (url, body) = api_as(world.viewer), surfaces[way]
    assert [program.post(url, body).status_code for _ in range(4)] == [200, 200, 429, 429]
    refused = program.post(url, body)
    seconds = refused.headers["Retry-After"]
    assert 30 <= int(seconds) <= 60
    assert limited(refused) == {
        "RateLimit-Limit": "2",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": seconds,
        "RateLimit-Policy": "2;w=60",
    }
    words = f"This project takes 2 requests a minute. Try again in {seconds} seconds."
    if way == "v1":
        assert refused.json() == {
            "error": {
                "message": words,
                "type": "rate_limit_error",
                "param": None,
                "code": "rate_limited",
                "limited": "project",
            }
        }
    else:
        assert refused.headers["Content-Type"] == "application/problem+json"
        problem = refused.json()
        assert (problem["detail"], problem["code"]) == (words, "rate_limited")
    assert len(provider.requests) == 2
    assert UsageRecord.objects.count() == 2


def test_all_surfaces_and_all_callers_share_the_limit_of_a_project(world, api_as, surfaces):
    callers = [api_as(world.viewer), api_as(world.editor), api_as(world.team_admin)]
    ways = [*surfaces.values(), surfaces["v1"]]
    answers = [program.post(url, body) for program, (url, body) in zip(callers, ways, strict=True)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "User-Agent", "X-Request-ID", "Forwarded"])
def test_no_header_resets_the_count(world, surfaces, header):
    (url, body), key = surfaces["v1"], make_key(world.viewer)[1]
    program = AuditedAPIClient().with_key(key)
    sent = [
        program.post(url, body, headers={header: f"10.0.0.{number}-made-up"}).status_code
        for number in range(4)
    ]
    assert sent == [200, 200, 429, 429]


@pytest.mark.parametrize("way", ["v1", "chat"])
def test_a_stream_has_the_headers_and_its_refusal_a_status(world, surfaces, way):
    (url, body), key = surfaces[way], make_key(world.viewer)[1]
    answers = [post_for_stream(url, {**body, "stream": True}, key=key) for _ in range(3)]
    first, second, refused = [answer for answer, _ in answers]
    assert [limited(one)["RateLimit-Remaining"] for one in (first, second)] == ["1", "0"]
    assert all(one.headers["Content-Type"] == "text/event-stream" for one in (first, second))
    assert refused.status_code == 429
    assert "Retry-After" in refused.headers
    assert limited(refused)["RateLimit-Remaining"] == "0"
    assert b"Try again in" in answers[2][1]


def test_a_refused_question_is_not_kept(world, api_as, surfaces):
    program, (url, body) = api_as(world.viewer), surfaces["chat"]
    for _ in range(3):
        program.post(url, body)
    assert Message.objects.filter(role="user").count() == 2
    assert Conversation.objects.count() == 2


@pytest.mark.parametrize("way", ["v1", "chat"])
def test_what_fails_after_it_was_counted_has_the_headers_too(world, api_as, surfaces, way):
    world.llm.litellm_model = "error-500"
    world.llm.save()
    url, body = surfaces[way]
    failed = api_as(world.viewer).post(url, body)
    assert failed.status_code == 502
    assert limited(failed)["RateLimit-Remaining"] == "1"


def test_a_budget_that_does_not_pay_is_told_with_the_headers(world, api_as, surfaces):
    Budget.objects.create(project=world.project, period="day", unit="tokens", amount=1)
    url, body = surfaces["v1"]
    unpaid = api_as(world.viewer).post(url, body)
    assert unpaid.status_code == 402
    assert limited(unpaid)["RateLimit-Remaining"] == "1"


def test_what_is_refused_before_uses_nothing_up(world, api_as, api, surfaces):
    url, body = surfaces["v1"]
    system = [{"role": "system", "content": "Obey"}, {"role": "user", "content": "Hi"}]
    assert api.post(url, body).status_code == 401
    assert api_as(world.outsider).post(url, body).status_code == 404
    assert api_as(world.viewer).post(url, {**body, "temperature": 7}).status_code == 400
    refused = api_as(world.viewer).post(url, {**body, "messages": system})
    assert (refused.status_code, limited(refused)) == (403, {})
    program = api_as(world.viewer)
    assert [program.post(url, body).status_code for _ in range(3)] == [200, 200, 429]


def test_a_model_that_is_no_longer_granted_counts_nothing(world, api_as, surfaces):
    world.alpha.llms.clear()
    program = api_as(world.viewer)
    for url, body in surfaces.values():
        refused = program.post(url, body)
        assert (refused.status_code, limited(refused)) == (403, {})


def test_a_project_without_a_limit_has_no_such_headers(world, api_as):
    answer = api_as(world.viewer).post(CHAT, hello(f"project/{world.project.pk}"))
    assert (answer.status_code, limited(answer)) == (200, {})


@pytest.mark.parametrize(
    ("url", "body"),
    [(CHAT, hello("alpha-llm")), (EMBED, {"model": "alpha-embedding", "input": "Hello"})],
    ids=["chat", "embeddings"],
)
def test_keys_and_users_are_limited_where_a_model_is_named(world, api, url, body):
    plaintext = make_key(world.member, requests_per_minute=2)[1]
    program = api.with_key(plaintext)
    assert [program.post(url, body).status_code for _ in range(3)] == [200, 200, 429]
    assert program.post(url, body).json()["error"]["limited"] == "key"
    # Another key of the same user is not limited by it, until the user is.
    other = AuditedAPIClient().with_key(make_key(world.member)[1])
    assert other.post(url, body).status_code == 200
    User.objects.filter(pk=world.member.pk).update(requests_per_minute=1)
    assert [other.post(url, body).status_code for _ in range(2)] == [200, 429]
    assert other.post(url, body).json()["error"]["limited"] == "user"


def test_a_rotated_key_has_no_new_minute(world, api, as_user):
    key, plaintext = make_key(world.member, requests_per_minute=1)
    assert api.with_key(plaintext).post(CHAT, hello("alpha-llm")).status_code == 200
    where = f"/api/keys/{key.pk}/rotate"
    rotated = as_user(world.member).post(where, {}, content_type="application/json")
    fresh = rotated.json()["key"]
    answer = AuditedAPIClient().with_key(fresh).post(CHAT, hello("alpha-llm"))
    assert answer.status_code == 429


def test_a_session_is_limited_as_its_user(world, as_user):
    User.objects.filter(pk=world.viewer.pk).update(requests_per_minute=1)
    browser, url = as_user(world.viewer), f"/api/projects/{world.project.pk}/chat"
    answers = [
        browser.post(url, {"message": "Hello"}, content_type="application/json") for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 429]


def test_a_limit_that_is_raised_or_removed_holds_from_the_next_call(world, api_as, surfaces):
    program, (url, body) = api_as(world.viewer), surfaces["v1"]
    sent = []
    for limit in (1, 2, None):
        set_project_rate(world.project, requests_per_minute=limit, actor=SYSTEM)
        sent.append([program.post(url, body).status_code for _ in range(2)])
    assert sent == [[200, 429], [200, 429], [200, 200]]


def test_reading_is_not_limited(world, api_as, surfaces):
    program = api_as(world.viewer)
    for url, body in [*surfaces.values(), surfaces["v1"]]:
        program.post(url, body)
    assert program.get(f"/api/projects/{world.project.pk}").status_code == 200
    assert program.get("/v1/models").status_code == 200


@pytest.fixture
def hole(settings):
    with BlackHole() as hole:
        settings.REDIS_URL = hole.redis_url
        yield hole


@pytest.mark.parametrize("way", ["v1", "chat"])
def test_without_redis_a_limited_project_is_closed_in_words(
    world, api_as, surfaces, way, hole, provider
):
    url, body = surfaces[way]
    refused = api_as(world.viewer).post(url, body)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    told = refused.json()
    words = told["error"]["message"] if way == "v1" else told["detail"]
    assert words.startswith("Redis, which counts requests against a limit that applies here")
    code = told["error"]["code"] if way == "v1" else told["code"]
    assert code == "limiter_unavailable"
    assert hole.connections == 1
    assert (len(provider.requests), UsageRecord.objects.count()) == (0, 0)
    assert Conversation.objects.count() == 0


def test_without_redis_projects_without_a_limit_go_on(world, api_as, surfaces, hole):
    program = api_as(world.member)
    assert program.post(CHAT, hello("alpha-llm")).status_code == 200
    shared = {"model": f"project/{world.shared_project.pk}"}
    assert program.post(CHAT, hello("") | shared).status_code == 200
    assert hole.connections == 0


def test_a_plain_call_asks_four_questions_with_a_limit_too(
    world, api, narrow, django_assert_num_queries
):
    plaintext = make_key(world.viewer, requests_per_minute=9)[1]
    program = api.with_key(plaintext)
    body = hello(f"project/{narrow.pk}")
    assert program.post(CHAT, body).status_code == 200
    with django_assert_num_queries(4):
        assert program.post(CHAT, body).status_code == 200


def test_a_limit_set_on_a_project_is_that_of_the_one_alone(world, api_as, narrow):
    program = api_as(world.viewer)
    assert Project.objects.filter(requests_per_minute=2).count() == 1
    body = hello(f"project/{world.shared_project.pk}")
    assert [program.post(CHAT, body).status_code for _ in range(4)] == [200] * 4


def test_events_of_a_limited_stream_are_as_ever(world, narrow):
    body = hello(f"project/{narrow.pk}", stream=True)
    _, sent = post_for_stream(CHAT, body, key=make_key(world.viewer)[1])
    blocks = [block.removeprefix("data: ") for block in sent.decode().strip().split("\n\n")]
    assert blocks[-1] == "[DONE]"
    assert json.loads(blocks[0])["object"] == "chat.completion.chunk"
