"""Whatever is sent, the answer is a 4xx with a sentence, in the error shape of that API."""

import pytest

from inference.models import Conversation, Message
from metering.models import UsageRecord

COMPLETIONS = "/v1/chat/completions"
HELLO = {"model": "alpha-llm", "messages": [{"role": "user", "content": "Hello"}]}
WRONG_VALUES = [None, True, 7, -1, 1.5, "text", "", [], [1], {}, {"a": 1}, 2**70, [[]], [{}]]
FIELDS = [
    "model", "messages", "temperature", "top_p", "max_tokens", "max_completion_tokens", "stop",
    "seed", "presence_penalty", "frequency_penalty", "tools", "tool_choice", "response_format",
    "stream", "stream_options", "n", "parallel_tool_calls", "reasoning_effort", "user",
]  # fmt: skip
RAW_BODIES = {
    "empty": b"",
    "not json": b"{",
    "trailing": b"{} {}",
    "nan": b'{"model": "alpha-llm", "temperature": NaN}',
    "infinity": b'{"model": "alpha-llm", "temperature": 1e999, "messages": []}',
    "list": b"[]",
    "text": b'"hello"',
    "null": b"null",
    "number": b"12",
    "bad utf-8": b'{"model": "\xff\xfe"}',
    "lone surrogate": b'{"model": "alpha-llm", "messages": [{"role": "user", "name": "\\ud800"}]}',
    "nul": b'{"model": "alpha-llm", "messages": [{"role": "user", "content": "a\\u0000b"}]}',
    "nul in a key": b'{"a\\u0000b": 1, "model": "alpha-llm", "messages": []}',
    "deep list": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deep but closed": b'{"model":"alpha-llm","messages":' + b"[" * 900 + b"]" * 900 + b"}",
    "unknown field": b'{"model": "alpha-llm", "messages": [], "logprobs": true}',
}


def post_raw(program, url, body, content_type="application/json"):
    return program.generic("POST", url, body, content_type=content_type)


def assert_openai_error(response, *statuses):
    assert response.status_code in (statuses or (400, 404, 413, 415)), response.content
    error = response.json()["error"]
    assert error["message"].endswith(".")
    assert "Traceback" not in error["message"]
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("name", RAW_BODIES)
def test_a_body_that_is_no_request_is_refused_in_openais_shape(world, api_as, name, provider):
    response = post_raw(api_as(world.member), COMPLETIONS, RAW_BODIES[name])
    assert_openai_error(response)
    assert provider.requests == []
    assert not UsageRecord.objects.exists()


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_the_wrong_type_never_breaks_the_server(world, api_as, field):
    program = api_as(world.member)
    for value in WRONG_VALUES:
        if (field, value) == ("stream", True):
            continue  # a good value; streams have tests of their own
        response = program.post(COMPLETIONS, HELLO | {field: value})
        assert response.status_code in (200, 400, 404), (field, value, response.content[:200])
        if response.status_code != 200:
            assert_openai_error(response)


@pytest.mark.parametrize(
    "message",
    [
        None, "text", 1, [], {}, {"role": "user"}, {"role": "user", "content": None},
        {"role": "user", "content": 1}, {"role": "user", "content": [1]},
        {"role": "user", "content": [{"type": "text"}]},
        {"role": "user", "content": [{"type": "text", "text": 1}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": "http://x.test/a.png"}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}]},
        {"role": "user", "content": [{"type": "input_audio"}]},
        {"role": "root", "content": "x"}, {"role": ["user"], "content": "x"},
        {"role": "user", "content": "x", "name": 1},
        {"role": "assistant", "tool_calls": "x"}, {"role": "assistant", "tool_calls": [1]},
        {"role": "assistant", "content": None},
    ],
)  # fmt: skip
def test_a_message_of_the_wrong_form_is_refused(world, api_as, message, provider):
    response = api_as(world.member).post(COMPLETIONS, HELLO | {"messages": [message]})
    assert_openai_error(response, 400)
    assert provider.requests == []


def test_a_body_of_ten_megabytes_is_too_large(world, api_as):
    body = (
        b'{"model":"alpha-llm","messages":[{"role":"user","content":"' + b"a" * 10_000_000 + b'"}]}'
    )
    for url in (COMPLETIONS, f"/api/projects/{world.project.pk}/chat"):
        response = post_raw(api_as(world.viewer), url, body)
        assert response.status_code == 413
    assert not UsageRecord.objects.exists()
    assert not Message.objects.exists()


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", ""])
def test_only_json_is_taken(world, api_as, kind):
    response = post_raw(api_as(world.member), COMPLETIONS, b"{}", content_type=kind)
    assert_openai_error(response, 415)


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_other_methods_are_not_allowed(world, api_as, method):
    response = getattr(api_as(world.member), method)(COMPLETIONS)
    assert_openai_error(response, 405)
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "body",
    [
        {}, {"message": ""}, {"message": "  "}, {"message": 1}, {"message": ["x"]},
        {"message": "x", "conversation_id": "x"}, {"message": "x", "conversation_id": 1},
        {"message": "x", "stream": "yes"}, {"message": "x", "unknown": 1},
        {"message": "x" * 100_001}, {"regenerate_message_id": "x"},
        {"regenerate_message_id": "1f0c1c1e-4a55-4c8e-9b39-0d5b6cf0a111"},
        {"message": "x", "regenerate_message_id": "1f0c1c1e-4a55-4c8e-9b39-0d5b6cf0a111"},
    ],
)  # fmt: skip
def test_the_chat_refuses_in_problem_details_and_writes_nothing(world, api_as, body, provider):
    response = api_as(world.viewer).post(f"/api/projects/{world.project.pk}/chat", body)
    assert response.status_code == 400, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["detail"].endswith(".")
    assert provider.requests == []
    assert not Conversation.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"input": "x"}, {"model": "alpha-embedding"}, {"model": "alpha-embedding", "input": []},
        {"model": "alpha-embedding", "input": [1, 2]}, {"model": "alpha-embedding", "input": [[1]]},
        {"model": "alpha-embedding", "input": ""}, {"model": "alpha-embedding", "input": {}},
        {"model": "alpha-embedding", "input": "x", "dimensions": "many"},
        {"model": "alpha-embedding", "input": "x", "dimensions": -1},
        {"model": "alpha-embedding", "input": "x", "encoding_format": "hex"},
        {"model": "alpha-embedding", "input": "x", "encoding_format": []},
        {"model": "alpha-embedding", "input": ["x"] * 2049},
    ],
)  # fmt: skip
def test_an_embedding_of_the_wrong_form_is_refused(world, api_as, body, provider):
    assert_openai_error(api_as(world.member).post("/v1/embeddings", body), 400)
    assert provider.requests == []


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer x", "Bearer rk_" + "A" * 43, "Basic dTpw", "Token x", "Bearer é"],
)
def test_a_bad_credential_is_401_in_openais_shape(world, api, header):
    response = api.post(COMPLETIONS, HELLO, HTTP_AUTHORIZATION=header)
    assert_openai_error(response, 401)
    assert "WWW-Authenticate" in response.headers


def test_no_credential_is_401(world, api):
    assert_openai_error(api.post(COMPLETIONS, HELLO), 401)
