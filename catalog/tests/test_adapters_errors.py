import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from benchmarks.mock_provider import MockProvider
from catalog.adapters import ChatRequest, Endpoint, adapter_for
from catalog.adapters.errors import clean_excerpt, from_status
from catalog.adapters.probe import probe
from restai_site.lib import egress
from restai_site.lib.errors import DomainError, Invalid, ProviderFailed
from restai_site.tests.loopback import loopback_port

KEY = "sk-test-0123456789abcdefghij"
HELLO = ChatRequest(messages=[{"role": "user", "content": "Hello"}])
ADAPTER = adapter_for("openai_compatible")


@pytest.fixture(scope="module")
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


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


async def failures(endpoint) -> list[DomainError]:
    """The errors of a plain call, a stream and an embedding."""

    async def drain():
        return [delta async for delta in ADAPTER.stream(endpoint, HELLO)]

    found = []
    for call in (ADAPTER.chat(endpoint, HELLO), drain(), ADAPTER.embed(endpoint, ["a"])):
        with pytest.raises(DomainError) as caught:
            await call
        found.append(caught.value)
    return found


async def until_it_fails(stream):
    """What the stream yields, and the error it ends with."""
    deltas = []
    try:
        async for delta in stream:
            deltas += [delta]
    except ProviderFailed as error:
        return deltas, error
    raise AssertionError("the stream did not fail")


SWITCHES = [
    ("error-400", 400, "provider_rejected", "did not accept the request (400). It says: “mock"),
    ("error-422", 400, "provider_rejected", "did not accept the request (422)"),
    ("error-401", 502, "provider_credentials", "does not accept the configured key (401)"),
    ("error-403", 502, "provider_credentials", "does not accept the configured key (403)"),
    ("error-402", 502, "provider_quota", "no credit left"),
    ("error-404", 502, "provider_model_unknown", "does not know the model “error-404”"),
    ("error-408", 504, "provider_timeout", "did not answer in time (408)"),
    ("error-429", 502, "provider_rate_limited", "rate limit is reached"),
    ("error-500", 502, "provider_unavailable", "a problem of its own (500)"),
    ("error-503", 502, "provider_unavailable", "a problem of its own (503)"),
    ("error-504", 504, "provider_timeout", "did not answer in time (504)"),
    ("garbage", 502, "provider_bad_answer", "it is not JSON"),
    ("html", 502, "provider_bad_answer", "could not be understood"),
    ("wrong-shape", 502, "provider_bad_answer", "could not be understood"),
    ("redirect", 502, "provider_address", "redirects elsewhere"),
    ("hang-up", 502, "provider_interrupted", "hung up"),
]


@pytest.mark.parametrize(("switch", "status", "code", "words"), SWITCHES)
async def test_each_failure_has_its_status_code_and_words(endpoint, switch, status, code, words):
    for error in await failures(endpoint(switch)):
        assert isinstance(error, ProviderFailed)
        assert (error.status, error.code) == (status, code)
        assert words in error.message


@pytest.mark.parametrize("switch", [row[0] for row in SWITCHES])
async def test_no_message_holds_the_key_or_an_address(endpoint, provider, switch):
    for error in await failures(endpoint(switch)):
        for secret in (KEY, KEY[:10], KEY[-8:], "10.1.2.3", "127.0.0.1", str(provider.port)):
            assert secret not in error.message
        assert error.message.isprintable()
        assert error.message.endswith((".", "”"))


async def test_the_rate_limit_of_the_provider_says_when_to_come_back(endpoint):
    assert [error.retry_after for error in await failures(endpoint("error-429"))] == [7, 7, 7]


async def test_an_error_inside_a_stream_comes_after_what_was_said(endpoint):
    deltas, error = await until_it_fails(ADAPTER.stream(endpoint("error-mid-stream"), HELLO))
    assert len(deltas) > 5
    assert error.code == "provider_unavailable"
    assert "the engine fell over" in error.message


async def test_a_stream_cut_half_way_comes_after_what_was_said(endpoint):
    deltas, error = await until_it_fails(ADAPTER.stream(endpoint("cut-mid-stream"), HELLO))
    assert len(deltas) > 5
    assert error.code == "provider_interrupted"


async def test_a_wrong_path_asks_to_check_the_base_address(endpoint, provider):
    with pytest.raises(ProviderFailed, match="configured base address"):
        await ADAPTER.chat(endpoint(base_url=f"http://127.0.0.1:{provider.port}/wrong"), HELLO)


# --- No connection ---


async def test_nothing_listens(endpoint):
    for error in await failures(endpoint(base_url=f"http://127.0.0.1:{loopback_port()}/v1")):
        assert error.code == "provider_unreachable"
        assert "refused the connection" in error.message


async def test_no_such_host(endpoint):
    for error in await failures(endpoint(base_url="http://no-such-host.invalid/v1")):
        assert error.code == "provider_unreachable"
        assert "host name was not found" in error.message


async def test_tls_to_a_server_without_tls(endpoint, provider):
    for error in await failures(endpoint(base_url=provider.url.replace("http:", "https:"))):
        assert error.code == "provider_tls"
        assert "No secure connection" in error.message


async def test_a_certificate_nobody_vouches_for(endpoint, tls_server):
    for error in await failures(endpoint(base_url=tls_server)):
        assert error.code == "provider_tls"
        assert "certificate is not valid" in error.message


async def test_a_server_that_accepts_but_does_not_shake_hands(endpoint):
    async def silent(reader, writer):
        await reader.read()

    server = await asyncio.start_server(silent, "127.0.0.1", loopback_port())
    address = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    for error in await failures(endpoint(base_url=address, timeout_seconds=0.3)):
        assert (error.status, error.code) == (504, "provider_timeout")
    server.close()


@pytest.mark.parametrize("address", ["ftp://x/v1", "http://user:pw@x/v1", "http://a\\@b/", "v1"])
async def test_an_address_that_is_none_is_refused_as_input(endpoint, address):
    with pytest.raises(Invalid):
        await ADAPTER.chat(endpoint(base_url=address), HELLO)


@pytest.fixture
async def tls_server(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))

    async def nothing(reader, writer):
        writer.close()

    server = await asyncio.start_server(nothing, "127.0.0.1", loopback_port(), ssl=context)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    server.close()


def self_signed(folder) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "pair.pem").write_bytes(private + certificate.public_bytes(pem))
    return str(folder / "pair.pem")


# --- Excerpts of the provider's own words ---


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("temperature must be below 2", "temperature must be below 2"),
        ("model claude-sonnet-4-5-20250929 is busy", "model claude-sonnet-4-5-20250929 is busy"),
        ("a\r\n\x1b[31mb\x00c\u202e", "a [31mb c"),
        (f"key {KEY} is wrong", "key … is wrong"),
        (f"key {KEY[4:14]}… is wrong", "key … is wrong"),
        ("key sk-ab*****yz is wrong", "key … is wrong"),
        ("see https://10.0.0.1:8080/x?y=1 now", "see … now"),
        ("connect 10.0.0.1:8080 or [::1]:80 or db.internal:5432", "connect … or … or …"),
        ("connect fd00:ec2::254 failed", "connect … failed"),
        ("Bearer abc", "…"),
        ("token eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9abc", "token …"),
        ("x y " * 1000, ("x y " * 50)[:199] + "…"),
    ],
)
def test_an_excerpt_is_short_and_holds_no_secret(said, shown):
    assert clean_excerpt(said, KEY) == shown


def test_a_short_key_is_hidden_too():
    assert clean_excerpt("key abc is wrong", "abc") == "key … is wrong"


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": "too long", "code": 7}}',
        b'{"error": "too long"}',
        b'{"message": "too long"}',
        b'{"detail": "too long"}',
    ],
)
def test_the_usual_shapes_of_errors_are_read(body):
    error = from_status(400, body, Endpoint(kind="openai", model="m"))
    assert error.message.endswith("It says: “too long”")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"error": 7}', b'{"error": {"message": []}}', b"<html>secret"]
)
def test_other_bodies_are_left_out(body):
    error = from_status(400, body, Endpoint(kind="openai", model="m"))
    assert error.message == "The provider did not accept the request (400)."


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7), ("999999", 3600), ("-1", None), ("x", None)]
)
def test_retry_after_is_a_number_of_seconds(text, seconds):
    error = from_status(429, b"", Endpoint(kind="openai", model="m"), retry_after=text)
    assert error.retry_after == seconds


def test_an_exhausted_account_is_no_rate_limit():
    body = b'{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}'
    assert from_status(429, body, Endpoint(kind="openai", model="m")).code == "provider_quota"


# --- Test connection ---


async def test_probe_of_a_working_endpoint_names_its_models(endpoint):
    result = await probe(endpoint())
    assert result.ok
    assert result.models == ("mock", "mock-embedding")
    assert result.message == "The provider answers and offers mock, mock-embedding."


async def test_probe_tries_a_model_that_is_not_listed(endpoint):
    assert (await probe(endpoint("echo"))).message == "The model “echo” answers."


async def test_probe_tries_an_embedding_model_by_embedding(endpoint, provider):
    assert (await probe(endpoint("hidden-embedding"), "embedding")).ok
    assert provider.requests[-1].path == "/v1/embeddings"


async def test_probe_of_an_account_without_a_model(endpoint):
    assert (await probe(endpoint(""))).ok


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base_url": "ftp://x"}, "must begin with http"),
        ({"base_url": "http://no-such-host.invalid/v1"}, "was not found"),
        ({"model": "error-401"}, "does not accept the configured key"),
        ({"model": "garbage"}, "not JSON"),
    ],
)
async def test_probe_says_what_is_wrong(endpoint, changes, words):
    result = await probe(endpoint(**changes))
    assert not result.ok
    assert words in result.message


async def test_probe_of_an_unknown_model_names_the_known_ones(endpoint):
    result = await probe(endpoint("error-404"))
    assert not result.ok
    assert "does not know the model “error-404”" in result.message
    assert "offers mock, mock-embedding" in result.message


async def test_probe_does_not_wait_for_ever(endpoint, monkeypatch):
    monkeypatch.setattr("catalog.adapters.probe.PROBE_SECONDS", 0.2)
    result = await probe(endpoint("hang"))
    assert not result.ok
    assert "within 0.2 seconds" in result.message


async def test_the_session_reads_no_proxy_variables_and_keeps_no_cookies():
    assert egress.session().trust_env is False
    assert isinstance(egress.session().cookie_jar, aiohttp.DummyCookieJar)
