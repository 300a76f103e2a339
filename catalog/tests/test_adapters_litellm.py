"""litellm against a real server that speaks the provider's own form.

The library is big and slow, so each point is made with one or two kinds: `anthropic`, which has a
form of its own, and `mistral`, which stands for those with OpenAI's.
"""

import asyncio
import logging
import os
import subprocess
import sys
import time
from contextlib import aclosing

import pytest

from benchmarks.mock_answers import CHUNKS, PROMPT_TOKENS, pieces
from benchmarks.mock_provider import MockProvider
from catalog.adapters import ChatRequest, Endpoint, Usage, adapter_for
from catalog.adapters.litellm_library import library
from catalog.adapters.probe import probe
from restai_site.lib import egress
from restai_site.lib.errors import Invalid, ProviderFailed, ProviderTimedOut
from restai_site.tests.loopback import loopback_port

KEY = "sk-test-0123456789abcdefghij"
SECRET_TEXT = "the-prompt-that-nobody-may-log"
HELLO = ChatRequest(messages=[{"role": "user", "content": SECRET_TEXT}], max_tokens=50)
TEXT = "".join(pieces(CHUNKS))
USAGE = Usage(PROMPT_TOKENS, CHUNKS)
ADAPTER = adapter_for("anthropic")
KINDS = ["anthropic", "mistral"]


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
    def make(kind="anthropic", model="mock", **changes) -> Endpoint:
        # litellm adds /v1/messages for Anthropic by itself.
        base = provider.url.removesuffix("/v1") if kind == "anthropic" else provider.url
        return Endpoint(kind=kind, model=model, **({"base_url": base, "api_key": KEY} | changes))

    return make


async def collect(endpoint, request=HELLO):
    return [delta async for delta in ADAPTER.stream(endpoint, request)]


async def collect_rest(stream):
    return [delta async for delta in stream]


async def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", KINDS)
async def test_chat(endpoint, kind):
    result = await ADAPTER.chat(endpoint(kind), HELLO)
    assert (result.content, result.finish_reason, result.usage) == (TEXT, "stop", USAGE)


@pytest.mark.parametrize("kind", KINDS)
async def test_stream(endpoint, kind):
    deltas = await collect(endpoint(kind))
    assert "".join(delta.text for delta in deltas) == TEXT
    assert [d.finish_reason for d in deltas if d.finish_reason] == ["stop"]
    assert [d.usage for d in deltas if d.usage][-1] == USAGE
    assert len(deltas) > CHUNKS


async def test_an_estimate_of_the_library_is_not_passed_off_as_the_providers_count(endpoint):
    assert [delta.usage for delta in await collect(endpoint("mistral", "no-usage"))][-1] is None
    assert (await ADAPTER.chat(endpoint("mistral", "no-usage"), HELLO)).usage is None


async def test_the_request_is_in_the_providers_form(endpoint, provider):
    await ADAPTER.chat(endpoint(model="anthropic/mock"), HELLO)
    [request] = provider.requests
    assert request.path == "/v1/messages"
    assert request.headers["x-api-key"] == KEY
    assert (request.body["model"], request.body["max_tokens"]) == ("mock", 50)


async def test_a_kind_beyond_ours_names_its_provider_in_the_model(endpoint, provider):
    result = await ADAPTER.chat(endpoint("other", "mistral/mock"), HELLO)
    assert result.content == TEXT
    assert provider.requests[0].body["model"] == "mock"


async def test_parameters_the_provider_does_not_have_are_left_out(endpoint):
    request = ChatRequest(messages=HELLO.messages, seed=1, frequency_penalty=1.0)
    assert (await ADAPTER.chat(endpoint(), request)).content == TEXT


async def test_embeddings(endpoint, provider):
    result = await ADAPTER.embed(endpoint("mistral", "mock-embedding"), ["a", "b"])
    assert [len(vector) for vector in result.vectors] == [8, 8]
    assert provider.requests[0].body["input"] == ["a", "b"]
    assert result.usage == Usage(6, 0)


async def test_tool_calls(endpoint):
    result = await ADAPTER.chat(endpoint("mistral", "tools"), HELLO)
    assert result.tool_calls
    assert result.tool_calls[0]["function"]["name"] == "weather"
    deltas = await collect(endpoint("mistral", "tools"))
    calls = [delta.tool_calls for delta in deltas if delta.tool_calls]
    assert calls[0][0]["function"]["arguments"] == '{"city":"Lisbon"}'


@pytest.mark.parametrize(
    ("switch", "status", "code"),
    [
        ("error-400", 400, "provider_rejected"),
        ("error-401", 502, "provider_credentials"),
        ("error-403", 502, "provider_credentials"),
        ("error-404", 502, "provider_model_unknown"),
        ("error-429", 502, "provider_rate_limited"),
        ("error-500", 502, "provider_unavailable"),
        ("error-503", 502, "provider_unavailable"),
        ("garbage", 502, "provider_bad_answer"),
        ("hang-up", 502, "provider_interrupted"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
async def test_failures_are_ours(endpoint, provider, kind, switch, status, code):
    for call in (ADAPTER.chat(endpoint(kind, switch), HELLO), collect(endpoint(kind, switch))):
        with pytest.raises(ProviderFailed) as caught:
            await call
        assert (caught.value.status, caught.value.code) == (status, code), caught.value.message
        for secret in (KEY, KEY[:10], "10.1.2.3", "127.0.0.1", str(provider.port), "litellm"):
            assert secret not in caught.value.message
    assert len(provider.requests) == 2, "nothing is tried twice"


async def test_an_excerpt_of_the_providers_words_is_shown(endpoint):
    with pytest.raises(ProviderFailed, match="It says: “mock says 400 at … for …"):
        await ADAPTER.chat(endpoint("mistral", "error-400"), HELLO)


async def test_nothing_listens(endpoint, provider):
    for base in (f"http://127.0.0.1:{loopback_port()}", "http://no-such-host.invalid"):
        with pytest.raises(ProviderFailed) as caught:
            await ADAPTER.chat(endpoint(base_url=base), HELLO)
        assert caught.value.code == "provider_unreachable"


@pytest.mark.parametrize("switch", ["cut-mid-stream", "error-mid-stream"])
async def test_a_stream_that_breaks_half_way(endpoint, switch):
    stream = ADAPTER.stream(endpoint("mistral", switch), HELLO)
    assert (await anext(stream)).text == "The"
    with pytest.raises(ProviderFailed):
        await collect_rest(stream)


async def test_time_limits(endpoint):
    with pytest.raises(ProviderTimedOut):
        await ADAPTER.chat(endpoint(model="hang", timeout_seconds=0.3), HELLO)
    with pytest.raises(ProviderTimedOut, match="sent nothing"):
        await collect(endpoint(model="stall-mid-stream", idle_seconds=0.3))
    with pytest.raises(ProviderTimedOut, match="did not finish"):
        await collect(endpoint(model="slow-100", timeout_seconds=0.5))


@pytest.mark.parametrize("kind", KINDS)
async def test_closing_the_stream_hangs_up_at_once(endpoint, provider, kind):
    async with aclosing(ADAPTER.stream(endpoint(kind, "slow-100"), HELLO)) as stream:
        await anext(stream)
    await until(lambda: provider.requests[0].hung_up)


async def test_cancelling_hangs_up_at_once(endpoint, provider):
    task = asyncio.create_task(ADAPTER.chat(endpoint(model="hang"), HELLO))
    await until(lambda: provider.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: provider.requests[0].hung_up)


@pytest.mark.parametrize("kind", KINDS)
async def test_it_connects_through_the_platforms_session(endpoint, provider, kind):
    task = asyncio.create_task(ADAPTER.chat(endpoint(kind, "hang"), HELLO))
    await until(lambda: provider.requests)
    assert len(egress.session(listed=True).connector._acquired) == 1
    task.cancel()


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}},
        {"type": "image_url", "image_url": "HTTPS://example.com/a.png"},
        {"type": "image_url", "image_url": {"url": " http://example.com/"}},
        {"type": "file", "file": {"file_id": "https://example.com/a.pdf"}},
        {"type": "file", "file": {"file_data": "gs://bucket/a.pdf"}},
        {"type": "video_url", "video_url": {"url": "ftp://example.com/"}},
        {"type": "text", "text": "Look:", "image_url": {"url": "http://169.254.169.254/"}},
    ],
)
async def test_the_library_is_not_sent_to_fetch_anything(endpoint, provider, part):
    request = ChatRequest(messages=[{"role": "user", "content": [part]}])
    for call in (ADAPTER.chat(endpoint(), request), collect(endpoint(), request)):
        with pytest.raises(Invalid, match="data: URLs"):
            await call
    assert provider.requests == []


@pytest.mark.parametrize("field", ["images", "audio", "thinking_blocks"])
async def test_the_library_is_not_sent_anywhere_by_other_fields(endpoint, provider, field):
    """For some providers it fetches what is in `images` beside the content."""
    part = {"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}
    for value in ([part], part, {"a": [part]}, [part | {"type": "text"}]):
        message = {"role": "assistant", "content": "x", field: value}
        with pytest.raises(Invalid, match="data: URLs"):
            await ADAPTER.chat(endpoint(), ChatRequest(messages=[message]))
    assert provider.requests == []


async def test_what_a_tool_is_called_with_may_be_an_address(endpoint):
    call = {
        "id": "1",
        "type": "function",
        "function": {"name": "open", "arguments": '{"url": "https://example.com"}'},
    }
    messages = [
        {"role": "user", "content": "Open it."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "https://example.com is open"},
    ]
    assert (await ADAPTER.chat(endpoint(), ChatRequest(messages=messages))).content == TEXT


async def test_text_may_speak_of_addresses_and_images_may_be_data(endpoint):
    pixel = "data:image/png;base64,iVBORw0KGgo="
    parts = [
        {"type": "text", "text": "https://example.com"},
        {"type": "image_url", "image_url": {"url": pixel}},
    ]
    request = ChatRequest(messages=[{"role": "user", "content": parts}], max_tokens=5)
    assert (await ADAPTER.chat(endpoint(), request)).content == TEXT


async def test_prompts_and_keys_are_not_logged(endpoint, caplog, capfd):
    with caplog.at_level(logging.DEBUG):
        await ADAPTER.chat(endpoint(), HELLO)
        await collect(endpoint("mistral"))
        with pytest.raises(ProviderFailed):
            await ADAPTER.chat(endpoint(model="error-500"), HELLO)
        await asyncio.sleep(0.2)
    out, err = capfd.readouterr()
    for written in (caplog.text, out, err):
        assert SECRET_TEXT not in written
        assert KEY not in written
        assert "The quick brown" not in written


async def test_probe_makes_one_tiny_call(endpoint, provider):
    assert (await probe(endpoint())).message == "The model “mock” answers."
    assert provider.requests[0].body["max_tokens"] == 16
    result = await probe(endpoint(model="error-401"))
    assert not result.ok
    assert "does not accept the configured key" in result.message
    assert not (await probe(endpoint(model=""))).ok


def test_the_library_is_set_up_to_tell_nobody():
    litellm = library()
    assert (litellm.telemetry, litellm.turn_off_message_logging) == (False, True)
    assert litellm.disable_aiohttp_trust_env


def test_the_fast_path_does_not_load_it():
    program = (
        "import sys, catalog.adapters, catalog.adapters.probe\n"
        "assert 'litellm' not in sys.modules and 'openai' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=dict(os.environ))
