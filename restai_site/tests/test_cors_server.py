"""On a real server, byte by byte: streams, files, and the errors of the server underneath."""

import json
import re
import socket

import pytest
from django.conf import settings

from benchmarks.mock_provider import MockProvider
from restai_site.tests.clients import start_session
from restai_site.tests.cors import EVIL, ORIGINS, PREFLIGHT
from restai_site.tests.loopback import loopback_port
from restai_site.tests.server import Server
from restai_site.tests.world import make_key, make_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WAIT_SECONDS = 20
HELLO = [{"role": "user", "content": "Hello"}]
CORS = re.compile(rb"(?im)^access-control-[^\r\n]*")


@pytest.fixture(scope="module")
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


@pytest.fixture
def world(transactional_db, provider):
    return make_world(provider.url)


@pytest.fixture(scope="module")
def broken():
    """A server whose database and Redis are away."""
    away = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    with Server(REDIS_URL="redis://127.0.0.1:1/0", **away) as running:
        yield running


def exchange(server, data):
    """Send bytes and return the status and all that comes back; it must hold no CORS header."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_SECONDS) as connection:
        connection.sendall(data)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    answer = b"".join(parts)
    assert CORS.findall(answer) == []
    return int(answer.split(b" ", 2)[1]), answer


def ask(server, method, path, body=None, *, origin=EVIL, **headers):
    """Ask as a page of `origin` does."""
    given = {"Host": f"127.0.0.1:{server.port}", "Origin": origin, "Connection": "close"} | headers
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    if method == "POST":
        given |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    sent = content if method == "POST" else b""
    return exchange(server, f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + sent)


def completion(server, world, *, model="alpha-llm", behaviour="mock", origin=EVIL, **body):
    world.llm.litellm_model = behaviour
    world.llm.save()
    key = make_key(world.member)[1]
    values = {"model": model, "messages": HELLO} | body
    return ask(
        server, "POST", "/v1/chat/completions", values, origin=origin,
        Authorization=f"Bearer {key}",
    )  # fmt: skip


@pytest.mark.parametrize("origin", ORIGINS)
def test_answers_and_streams_of_v1_have_no_cors_header(server, world, origin):
    status, answer = completion(server, world, origin=origin)
    assert (status, b"chat.completion" in answer) == (200, True)
    status, answer = completion(server, world, origin=origin, stream=True)
    assert (status, b"data: [DONE]" in answer) == (200, True)


def test_errors_of_v1_have_none(server, world):
    status, answer = completion(server, world, behaviour="cut-mid-stream", stream=True)
    assert (status, b'"error"' in answer) == (200, True)
    assert completion(server, world, behaviour="error-500")[0] == 502
    assert completion(server, world, temperature=9)[0] == 400
    assert completion(server, world, model="nothing")[0] == 404
    body = {"model": "alpha-llm", "messages": HELLO}
    assert ask(server, "POST", "/v1/chat/completions", body)[0] == 401
    assert ask(server, "GET", "/v1/models", Authorization="Bearer sk-x")[0] == 401
    assert ask(server, "PUT", "/v1/chat/completions")[0] == 405


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions", "/v1/embeddings", "/v1/models", "/api/projects", "/api/schema",
        "/api/projects/1/chat", "/login", "/static/css/app.css", "/health/live", "/nowhere", "*",
    ],
)  # fmt: skip
def test_no_preflight_is_granted(server, path, origin):
    status, answer = ask(server, "OPTIONS", path, origin=origin, **PREFLIGHT)
    assert status in {200, 401, 404, 405}
    assert EVIL.encode() not in answer


@pytest.mark.parametrize("path", ["/static/css/app.css", "/static/js/app.js", "/health/live"])
def test_files_and_health_have_none(server, path):
    for method in ("GET", "HEAD"):
        assert ask(server, method, path)[0] == 200
    assert ask(server, "GET", "/health/ready")[0] == 200


def test_what_the_application_refuses_has_none(server):
    assert ask(server, "GET", "/static/nowhere.css")[0] == 404
    assert ask(server, "GET", "/login", Host="evil.example")[0] == 400
    assert ask(server, "GET", "/static/css/app.css", Host="evil.example")[0] == 400
    assert ask(server, "POST", "/login", {})[0] == 403
    assert ask(server, "DELETE", "/")[0] == 403
    for path in ("/v1/chat/completions", "/login"):
        assert (
            ask(server, "POST", path, b"a" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1))[0] == 413
        )


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /login HTTP/1.1\r\nOrigin: https://evil.example\r\nno colon\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_the_server_itself_refuses_has_none(server, data):
    status, answer = exchange(server, data)
    assert status == 400
    assert b"evil" not in answer


def test_no_upgrade_to_a_socket_is_answered_with_one(server):
    words = {"Connection": "Upgrade, close", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "MDEyMzQ1Njc4OTAxMjM0NQ=="}
    assert ask(server, "GET", "/health/live", **words, **key)[0] in {200, 400}


def test_failures_have_none(broken, world):
    key = {"Authorization": f"Bearer {make_key(world.member)[1]}"}
    body = {"model": "alpha-llm", "messages": HELLO}
    assert ask(broken, "POST", "/v1/chat/completions", body, **key)[0] >= 500
    assert ask(broken, "GET", "/v1/models", **key)[0] >= 500
    assert ask(broken, "GET", "/api/projects", **key)[0] >= 500
    assert ask(broken, "GET", "/", Cookie=f"session={start_session(world.member)}")[0] >= 500
    assert ask(broken, "GET", "/health/ready")[0] == 503
