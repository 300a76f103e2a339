"""Images and speech through both adapters, against a real server."""

import pytest

from benchmarks.mock_media import HEARD, SOUND, png
from benchmarks.mock_provider import MockProvider
from catalog.adapters import Endpoint, adapter_for
from catalog.adapters.types import ImageRequest, SpeechRequest, TranscriptionRequest
from restai_site.lib import egress
from restai_site.lib.errors import ProviderFailed, ProviderTimedOut
from restai_site.tests.loopback import loopback_port

KEY = f"sk-test-{'0123456789' * 2}"
PAINT = ImageRequest(prompt="A heron", count=2, size="1024x1024")
SPEAK = SpeechRequest(text="Hello", voice="alloy", speed=1.25)
LISTEN = TranscriptionRequest(
    content=b"ID3 sound", file_name="audio.mp3", media_type="audio/mpeg", language="en"
)
# The library knows OpenAI's own form by this prefix of a model of the kind “other”.
KINDS = {"openai_compatible": "{}", "other": "openai/{}"}


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


@pytest.fixture(params=KINDS)
def endpoint(request, provider):
    def make(model="mock", **changes):
        named = KINDS[request.param].format(model)
        values = {"base_url": provider.url, "api_key": KEY, "timeout_seconds": 30, **changes}
        return Endpoint(kind=request.param, model=named, **values)

    return make


def call(endpoint, what):
    adapter = adapter_for(endpoint.kind)
    asked = {"images": PAINT, "speech": SPEAK, "transcribe": LISTEN}[what]
    return getattr(adapter, what)(endpoint, asked)


async def test_images_come_as_files(endpoint, provider):
    assert await call(endpoint(), "images") == [png(), png()]
    (sent,) = provider.requests
    assert sent.path == "/v1/images/generations"
    assert {name: sent.body.get(name) for name in ("model", "prompt", "n", "size")} == {
        "model": "mock",
        "prompt": "A heron",
        "n": 2,
        "size": "1024x1024",
    }
    assert sent.headers["authorization"] == f"Bearer {KEY}"


async def test_addresses_come_as_they_are(endpoint):
    made = await call(endpoint("image-at-https://images.example/1.png"), "images")
    assert made == ["https://images.example/1.png"] * 2


async def test_a_text_is_spoken(endpoint, provider):
    assert await call(endpoint(), "speech") == SOUND
    (sent,) = provider.requests
    assert {name: sent.body.get(name) for name in ("input", "voice", "response_format")} == {
        "input": "Hello",
        "voice": "alloy",
        "response_format": "mp3",
    }
    assert float(sent.body["speed"]) == 1.25


async def test_speech_is_written_down(endpoint, provider):
    assert await call(endpoint(), "transcribe") == HEARD
    (sent,) = provider.requests
    assert sent.body["file"] == ("audio.mp3", b"ID3 sound")
    assert (sent.body["model"], sent.body["language"]) == ("mock", "en")


@pytest.mark.parametrize("what", ["images", "speech", "transcribe"])
@pytest.mark.parametrize("behaviour", ["error-401", "error-429", "error-500"])
async def test_failures_are_told_without_the_key_and_not_tried_again(
    endpoint, provider, what, behaviour
):
    with pytest.raises(ProviderFailed) as failure:
        await call(endpoint(behaviour), what)
    assert KEY not in failure.value.message
    assert "10.1.2.3" not in failure.value.message
    assert len(provider.requests) == 1


@pytest.mark.parametrize("what", ["images", "speech", "transcribe"])
async def test_the_library_does_not_try_again_when_the_provider_hangs_up(provider, what):
    endpoint = Endpoint(kind="other", model="openai/hang-up", base_url=provider.url, api_key=KEY)
    with pytest.raises(ProviderFailed):
        await call(endpoint, what)
    assert len(provider.requests) == 1


@pytest.mark.parametrize("what", ["images", "speech", "transcribe"])
async def test_a_provider_that_never_answers_is_given_up(endpoint, what):
    with pytest.raises(ProviderTimedOut):
        await call(endpoint("hang", timeout_seconds=1, idle_seconds=1), what)


@pytest.mark.parametrize("what", ["images", "speech", "transcribe"])
async def test_an_address_inside_the_network_is_not_asked(endpoint, what):
    with pytest.raises(ProviderFailed) as failure:
        await call(endpoint(base_url="http://169.254.169.254/v1"), what)
    assert failure.value.code == "provider_address"
