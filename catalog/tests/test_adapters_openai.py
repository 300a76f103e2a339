import asyncio
import time
from contextlib import aclosing
from typing import Any

import orjson
import pytest

from benchmarks.mock_answers import CHUNKS, PROMPT_TOKENS, pieces
from benchmarks.mock_provider import UNICODE_TEXT, MockProvider
from catalog.adapters import ChatRequest, Delta, Endpoint, Usage, adapter_for
from restai_site.lib import egress
from restai_site.lib.errors import Invalid, ProviderFailed, ProviderTimedOut
from restai_site.tests.loopback import loopback_port

KEY = "sk-test-0123456789abcdefghij"
HELLO = ChatRequest(messages=[{"role": "user", "content": "Hello"}])
TEXT = "".join(pieces(CHUNKS))
USAGE = Usage(PROMPT_TOKENS, CHUNKS)
ADAPTER = adapter_for("openai_compatible")


@pytest.fixture(scope="module")
def server():
    with MockProvider(loopback_port()) as provider:
        yield provider


@pytest.fixture
def provider(server):
    server.requests.clear()
    return server


@pytest.fixture(autouse=True)
async def _fresh_session():
    yield
    await egress.close_all()


@pytest.fixture
def endpoint(provider):
    def make(model="mock", **changes) -> Endpoint:
        settings = {"kind": "openai_compatible", "base_url": provider.url, "api_key": KEY}
        return Endpoint(model=model, **(settings | changes))

    return make


async def collect(endpoint, request=HELLO) -> list[Delta]:
    return [delta async for delta in ADAPTER.stream(endpoint, request)]


async def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)


# --- Complete answers ---


async def test_chat_returns_text_reason_usage_and_model(endpoint):
    result = await ADAPTER.chat(endpoint(), HELLO)
    assert (result.content, result.finish_reason) == (TEXT, "stop")
    assert (result.usage, result.model, result.tool_calls) == (USAGE, "mock", None)


async def test_only_the_fields_that_are_set_are_sent(endpoint, provider):
    await ADAPTER.chat(endpoint(), HELLO)
    [request] = provider.requests
    assert request.body == {"messages": HELLO.messages, "model": "mock"}
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert "cookie" not in request.headers


async def test_every_field_is_sent_by_its_name(endpoint, provider):
    fields: dict[str, Any] = {
        "messages": [{"role": "user", "content": "x"}],
        "temperature": 0.0,
        "top_p": 0.5,
        "max_tokens": 9,
        "stop": ["a"],
        "seed": 0,
        "presence_penalty": -1.0,
        "frequency_penalty": 1.0,
        "tools": [{"type": "function"}],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "response_format": {"type": "json_object"},
        "reasoning_effort": "low",
        "user": "u",
    }
    await ADAPTER.chat(endpoint(), ChatRequest(**fields))
    assert provider.requests[0].body == fields | {"model": "mock"}


async def test_openai_gets_the_new_name_of_max_tokens_and_no_prefix(endpoint, provider):
    request = ChatRequest(messages=[], max_tokens=5)
    await adapter_for("openai").chat(endpoint("openai/mock", kind="openai"), request)
    body = provider.requests[0].body
    assert (body["model"], body["max_completion_tokens"]) == ("mock", 5)
    assert "max_tokens" not in body


async def test_compatible_servers_keep_names_that_look_like_a_prefix(endpoint, provider):
    await ADAPTER.chat(endpoint("openai/gpt-oss"), HELLO)
    assert provider.requests[0].body["model"] == "openai/gpt-oss"


async def test_without_a_key_none_is_sent(endpoint, provider):
    await ADAPTER.chat(endpoint(api_key=""), HELLO)
    assert "authorization" not in provider.requests[0].headers


async def test_missing_usage_is_none(endpoint):
    assert (await ADAPTER.chat(endpoint("no-usage"), HELLO)).usage is None


async def test_text_beyond_ascii_arrives_whole(endpoint):
    assert (await ADAPTER.chat(endpoint("unicode"), HELLO)).content == UNICODE_TEXT


async def test_tool_calls_without_content(endpoint):
    result = await ADAPTER.chat(endpoint("tools"), HELLO)
    assert (result.content, result.finish_reason) == ("", "tool_calls")
    assert result.tool_calls
    assert result.tool_calls[0]["function"]["name"] == "weather"


async def test_a_base_address_may_end_in_a_slash_and_have_a_query(endpoint, provider):
    await ADAPTER.chat(endpoint(base_url=provider.url + "/?version=1"), HELLO)
    assert provider.requests[0].path == "/v1/chat/completions?version=1"


async def test_calls_share_one_connection(endpoint, provider):
    before = provider.log.connections
    for _ in range(3):
        await ADAPTER.chat(endpoint(), HELLO)
        await collect(endpoint())
    assert provider.log.connections == before + 1


async def test_lone_surrogates_are_refused_as_input(endpoint, provider):
    with pytest.raises(Invalid, match="not valid Unicode"):
        await ADAPTER.chat(endpoint(), ChatRequest(messages=[{"content": "\ud800"}]))
    assert provider.requests == []


@pytest.mark.parametrize("key", ["sk\r\nX-Injected: 1", "schlüssel"])
async def test_a_key_that_no_header_can_carry_is_refused(endpoint, provider, key):
    with pytest.raises(ProviderFailed, match="Enter it again") as caught:
        await ADAPTER.chat(endpoint(api_key=key), HELLO)
    assert key not in caught.value.message
    assert provider.requests == []


def test_an_endpoint_does_not_show_its_key():
    assert KEY not in repr(Endpoint(kind="openai", model="m", api_key=KEY))


# --- Streams ---


async def test_stream_yields_the_text_then_the_reason_then_the_usage(endpoint, provider):
    deltas = await collect(endpoint())
    assert [delta.text for delta in deltas] == [*pieces(CHUNKS), "", ""]
    assert [d.finish_reason for d in deltas[-2:]] == ["stop", None]
    assert deltas[-1] == Delta(usage=USAGE)
    assert provider.requests[0].body["stream_options"] == {"include_usage": True}


async def test_batches_hold_the_same_pieces(endpoint):
    batches = [batch async for batch in ADAPTER.batches(endpoint(), HELLO)]
    assert all(batches)
    assert [delta for batch in batches for delta in batch] == await collect(endpoint())


@pytest.mark.parametrize("switch", ["bytewise", "no-done"])
async def test_cuts_and_a_missing_end_mark_change_nothing(endpoint, switch):
    deltas = await collect(endpoint(switch))
    assert "".join(delta.text for delta in deltas) == TEXT
    assert deltas[-1].usage == USAGE


async def test_stream_without_usage(endpoint):
    deltas = await collect(endpoint("no-usage"))
    assert deltas[-1] == Delta(finish_reason="stop")


async def test_stream_of_ten_thousand_chunks(endpoint):
    deltas = await collect(endpoint("chunks-10000"))
    assert "".join(delta.text for delta in deltas) == "".join(pieces(10_000))


async def test_stream_of_tool_calls(endpoint):
    deltas = await collect(endpoint("tools"))
    assert deltas[0].tool_calls
    assert deltas[0].tool_calls[0]["function"]["arguments"] == '{"city":"Lisbon"}'
    assert deltas[-1].finish_reason == "tool_calls"


async def test_text_beyond_ascii_streams_whole(endpoint):
    assert "".join(delta.text for delta in await collect(endpoint("unicode"))) == UNICODE_TEXT


# --- Hanging up ---


async def test_pieces_come_while_the_provider_speaks_and_closing_hangs_up(endpoint, provider):
    async with aclosing(ADAPTER.stream(endpoint("slow-50"), HELLO)) as stream:
        await anext(stream)
        assert not provider.requests[0].hung_up
    await until(lambda: provider.requests[0].hung_up)


async def test_cancelling_the_task_hangs_up_at_once(endpoint, provider):
    task = asyncio.create_task(collect(endpoint("stall-mid-stream")))
    await until(lambda: provider.requests)
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: provider.requests[0].hung_up)


async def test_cancelling_a_plain_call_hangs_up_at_once(endpoint, provider):
    task = asyncio.create_task(ADAPTER.chat(endpoint("hang"), HELLO))
    await until(lambda: provider.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: provider.requests[0].hung_up)


async def test_a_finished_stream_does_not_count_as_hung_up(endpoint, provider):
    await collect(endpoint())
    await egress.close_all()
    await asyncio.sleep(0.1)
    assert not provider.requests[0].hung_up


# --- Embeddings and the list of models ---


async def test_embeddings_come_in_the_order_of_the_inputs(endpoint, provider):
    result = await ADAPTER.embed(endpoint("mock-embedding"), ["a", "b", "c"], 2)
    assert result.vectors == [[1.0, 0.5], [2.0, 1.0], [3.0, 1.5]]
    assert result.usage == Usage(9, 0)
    assert provider.requests[0].body == {
        "model": "mock-embedding",
        "input": ["a", "b", "c"],
        "encoding_format": "float",
        "dimensions": 2,
    }


async def test_the_models_of_an_endpoint(endpoint):
    assert await ADAPTER.models(endpoint()) == ["mock", "mock-embedding"]


def vectors(*items) -> bytes:
    return orjson.dumps({"data": list(items)})


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b'{"data": {}}',
        vectors(),
        vectors({"index": 0, "embedding": [1]}),
        vectors({"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}),
        vectors({"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 2]}),
        vectors({"index": 0, "embedding": [1]}, {"index": 1, "embedding": []}),
        vectors({"index": 0, "embedding": [1]}, {"index": 1, "embedding": ["1"]}),
        vectors({"index": 0, "embedding": [1]}, {"index": 1, "embedding": None}),
        vectors({"embedding": [1]}, {"embedding": [1]}),
        vectors(7, 8),
        b'{"data": [{"index": 0, "embedding": [1e999]}, {"index": 1, "embedding": [1]}]}',
    ],
)
async def test_vectors_that_are_none_are_refused(endpoint, serve, body):
    async with serve(body) as url:
        with pytest.raises(ProviderFailed) as caught:
            await ADAPTER.embed(endpoint(base_url=url), ["a", "b"])
    assert caught.value.code == "provider_bad_answer"


# --- Answers that no provider should give ---


@pytest.fixture
def serve():
    """Return a context: a server that answers everything with the same bytes, then hangs up."""

    class Serving:
        def __init__(self, body: bytes, kind: str = "application/json", *, raw: bool = False):
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n"
            self.data = body if raw else head.encode() + body

        async def __aenter__(self) -> str:
            self.server = await asyncio.start_server(self.reply, "127.0.0.1", loopback_port())
            return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/v1"

        async def __aexit__(self, *_):
            self.server.close()

        async def reply(self, reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.data)
            writer.close()

    return Serving


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [7]}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": "x"}]}',
        b'{"choices": [{"message": {"content": 7}}]}',
        b'{"choices": [{"message": {"content": "x", "tool_calls": "y"}}]}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
async def test_answers_of_another_shape_are_refused(endpoint, serve, body):
    async with serve(body) as url:
        for call in (ADAPTER.chat(endpoint(base_url=url), HELLO), collect(endpoint(base_url=url))):
            with pytest.raises(ProviderFailed) as caught:
                await call
            assert (caught.value.status, caught.value.code) == (502, "provider_bad_answer")


@pytest.mark.parametrize(
    "usage",
    [
        "null",
        "7",
        '"x"',
        "{}",
        '{"prompt_tokens": -1, "completion_tokens": 1}',
        '{"prompt_tokens": 1.5, "completion_tokens": 1}',
        '{"prompt_tokens": true, "completion_tokens": 1}',
        '{"prompt_tokens": 1, "completion_tokens": 99999999999}',
        '{"prompt_tokens": 1, "completion_tokens": null}',
    ],
)
async def test_usage_that_makes_no_sense_is_none(endpoint, serve, usage):
    body = f'{{"choices": [{{"message": {{"content": "x"}}}}], "usage": {usage}}}'
    async with serve(body.encode()) as url:
        result = await ADAPTER.chat(endpoint(base_url=url), HELLO)
    assert (result.content, result.usage) == ("x", None)


async def test_content_in_parts_is_joined(endpoint, serve):
    content = '[{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]'
    body = f'{{"choices": [{{"message": {{"content": {content}}}}}]}}'
    async with serve(body.encode()) as url:
        assert (await ADAPTER.chat(endpoint(base_url=url), HELLO)).content == "ab"


async def test_a_plain_answer_to_a_stream_request_is_one_piece(endpoint, serve):
    body = b'{"choices": [{"message": {"content": "x"}, "finish_reason": "length"}]}'
    async with serve(body) as url:
        assert await collect(endpoint(base_url=url)) == [Delta("x", None, "length")]


@pytest.mark.parametrize(
    "body",
    [
        b"data: {\n\n",
        b"data: 7\n\n",
        b'data: {"choices": 7}\n\n',
        b'data: {"choices": [7]}\n\n',
        b'data: {"choices": [{"delta": {"content": 7}}]}\n\n',
        b'data: {"choices": [{"delta": {"tool_calls": 7}}]}\n\n',
        b"data: \xff\n\n",
    ],
)
async def test_events_of_another_shape_are_refused(endpoint, serve, body):
    async with serve(body, "text/event-stream") as url:
        with pytest.raises(ProviderFailed) as caught:
            await collect(endpoint(base_url=url))
    assert caught.value.code == "provider_bad_answer"


@pytest.mark.parametrize("body", [b"", b": ping\n\n", b'data: {"choices": []}\n\n'])
async def test_a_stream_that_ends_too_early_is_an_interruption(endpoint, serve, body):
    async with serve(body, "text/event-stream") as url:
        with pytest.raises(ProviderFailed) as caught:
            await collect(endpoint(base_url=url))
    assert caught.value.code == "provider_interrupted"


async def test_what_follows_the_end_mark_is_ignored(endpoint, serve):
    body = b'data: {"choices": [{"delta": {"content": "x"}}]}\n\ndata: [DONE]\n\ndata: {\n\n'
    async with serve(body, "text/event-stream") as url:
        assert await collect(endpoint(base_url=url)) == [Delta("x")]


async def test_a_server_that_speaks_no_http(endpoint, serve):
    async with serve(b"220 smtp.example.com ESMTP\r\n", raw=True) as url:
        with pytest.raises(ProviderFailed) as caught:
            await ADAPTER.chat(endpoint(base_url=url), HELLO)
    assert caught.value.code == "provider_bad_answer"


async def test_a_huge_line_is_refused(endpoint):
    with pytest.raises(ProviderFailed, match="larger than the platform accepts"):
        await collect(endpoint("huge-line"))


async def test_a_huge_answer_is_refused(endpoint, serve, monkeypatch):
    monkeypatch.setattr("catalog.adapters.openai.ANSWER_MAX_BYTES", 1000)
    async with serve(b" " * 2000) as url:
        with pytest.raises(ProviderFailed, match="larger than the platform accepts"):
            await ADAPTER.chat(endpoint(base_url=url), HELLO)
    async with serve(b": ping\n" * 200, "text/event-stream") as url:
        with pytest.raises(ProviderFailed, match="larger than the platform accepts"):
            await collect(endpoint(base_url=url))


# --- Retries ---


async def test_a_connection_that_was_closed_meanwhile_is_replaced(endpoint, provider):
    await ADAPTER.chat(endpoint(), HELLO)
    [kept] = [c for pool in egress.session(listed=True).connector._conns.values() for c, _ in pool]
    kept.transport.get_extra_info("socket").shutdown(2)
    assert (await ADAPTER.chat(endpoint(), HELLO)).content == TEXT


async def test_a_hang_up_before_the_answer_is_tried_once_more_and_no_further(endpoint, provider):
    with pytest.raises(ProviderFailed) as caught:
        await ADAPTER.chat(endpoint("hang-up"), HELLO)
    assert caught.value.code == "provider_interrupted"
    assert len(provider.requests) == 2


async def test_nothing_is_tried_again_after_the_first_byte(endpoint, provider):
    with pytest.raises(ProviderFailed):
        await collect(endpoint("cut-mid-stream"))
    assert len(provider.requests) == 1


# --- Time limits ---


async def test_an_answer_that_never_comes_times_out(endpoint):
    with pytest.raises(ProviderTimedOut, match=r"did not finish its answer within 0\.2 seconds"):
        await ADAPTER.chat(endpoint("hang", timeout_seconds=0.2), HELLO)


async def test_a_stream_that_never_begins_times_out(endpoint):
    with pytest.raises(ProviderTimedOut, match=r"sent nothing for 0\.2 seconds"):
        await collect(endpoint("hang", idle_seconds=0.2))


async def test_a_stream_that_falls_silent_times_out_after_what_it_said(endpoint, provider):
    stream = ADAPTER.stream(endpoint("stall-mid-stream", idle_seconds=2), HELLO)
    assert (await anext(stream)).text == "The"
    with pytest.raises(ProviderTimedOut, match="sent nothing"):
        [delta async for delta in stream]
    await until(lambda: provider.requests[0].hung_up)


async def test_a_stream_that_drips_for_ever_ends_at_the_total_limit(endpoint):
    with pytest.raises(ProviderTimedOut, match="did not finish"):
        await collect(endpoint("slow-100", idle_seconds=5, timeout_seconds=0.5))
