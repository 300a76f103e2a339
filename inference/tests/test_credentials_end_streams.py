"""On a real server: an answer that is being given ends with the credential that asked for it."""

import json
import socket
import time
from base64 import b64encode
from datetime import timedelta
from functools import partial

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import ApiKey, Session, User
from accounts.services import revoke_api_key, rotate_api_key, suspend_user
from inference.models import Message
from metering.models import UsageRecord
from projects.models import ProjectMember
from projects.services import remove_project_member
from restai_site.tests import waiting
from restai_site.tests.clients import start_session
from restai_site.tests.world import SYSTEM, acting, make_key, make_world
from teams.models import Membership
from teams.services import remove_member

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
# A look a second, and time for a slow machine.
WITHIN_SECONDS = 5
eventually = partial(waiting.eventually, seconds=10)
CSRF_TOKEN = "a" * 32
HELLO = [{"role": "user", "content": "Hello"}]
COMPLETION = {"model": "alpha-llm", "messages": HELLO, "stream": True}


@pytest.fixture
def world(transactional_db, provider):
    provider.requests.clear()
    world = make_world(provider.url)
    world.llm.litellm_model = "slow-300"
    world.llm.save()
    return world


class Client:
    """A request that is being answered, read by hand."""

    def __init__(self, server, path, body, **headers):
        data = json.dumps(body).encode()
        lines = {
            "Host": f"127.0.0.1:{server.port}",
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            "Connection": "close",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.received = b""
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        self.socket.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + data)

    def read_until(self, mark: bytes, count: int = 3) -> None:
        while self.received.count(mark) < count:
            assert self._read(), f"It ended with {self.received[-500:]!r}."

    def read_to_the_end(self) -> float:
        """Read what is left, and return the seconds that it took."""
        began = time.monotonic()
        while self._read():
            pass
        return time.monotonic() - began

    def _read(self) -> bytes:
        part = self.socket.recv(65536)
        self.received += part
        return part


def completion(server, key: str) -> Client:
    stream = Client(server, "/v1/chat/completions", COMPLETION, Authorization=f"Bearer {key}")
    stream.read_until(b"data: ")
    return stream


def suspend(key: ApiKey) -> None:
    suspend_user(key.user, actor=SYSTEM)


def revoke(key: ApiKey) -> None:
    revoke_api_key(key, actor=acting(key.user))


def let_expire(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())


def rotate(key: ApiKey) -> None:
    rotate_api_key(key, actor=acting(key.user))


@pytest.mark.parametrize("end", [suspend, revoke, let_expire, rotate])
def test_a_stream_ends_with_its_key_is_counted_and_anothers_goes_on(world, server, provider, end):
    key, plaintext = make_key(world.member)
    stream, others = completion(server, plaintext), completion(server, make_key(world.viewer)[1])
    end(key)
    assert stream.read_to_the_end() < WITHIN_SECONDS
    last = stream.received.rsplit(b"data: ", 1)[1].partition(b"\n")[0]
    assert json.loads(last)["error"]["code"] == "credential_ended"
    assert b"[DONE]" not in stream.received
    row = UsageRecord.objects.get()
    assert (row.user, row.api_key_id, row.outcome) == (world.member, key.pk, "cancelled")
    assert row.streamed
    assert row.completion_tokens > 0
    assert eventually(lambda: [request.hung_up for request in provider.requests].count(True) == 1)
    others.read_until(b"data: ", others.received.count(b"data: ") + 8)
    assert b"error" not in others.received
    others.socket.close()
    eventually(lambda: UsageRecord.objects.filter(user=world.viewer, outcome="cancelled").exists())
    assert UsageRecord.objects.count() == 2


def leave_the_team(world) -> None:
    remove_member(Membership.objects.get(user=world.viewer, team=world.alpha), actor=SYSTEM)


def lose_the_project(world) -> None:
    remove_project_member(
        ProjectMember.objects.get(user=world.viewer, project=world.project), actor=SYSTEM
    )


@pytest.mark.parametrize("end", [leave_the_team, lose_the_project])
def test_a_stream_of_a_project_ends_with_the_access_and_anothers_goes_on(world, server, end):
    body = COMPLETION | {"model": f"project/{world.project.pk}"}

    def asked_by(user):
        key = make_key(user)[1]
        stream = Client(server, "/v1/chat/completions", body, Authorization=f"Bearer {key}")
        stream.read_until(b"data: ")
        return stream

    stream, others = asked_by(world.viewer), asked_by(world.editor)
    end(world)
    assert stream.read_to_the_end() < WITHIN_SECONDS
    last = stream.received.rsplit(b"data: ", 1)[1].partition(b"\n")[0]
    assert json.loads(last)["error"]["code"] == "access_ended"
    assert UsageRecord.objects.get().outcome == "cancelled"
    others.read_until(b"data: ", others.received.count(b"data: ") + 8)
    assert b"error" not in others.received
    others.socket.close()
    assert eventually(lambda: UsageRecord.objects.count() == 2)


def test_a_stream_of_a_model_ends_with_the_membership(world, server):
    stream = completion(server, make_key(world.viewer)[1])
    leave_the_team(world)
    assert stream.read_to_the_end() < WITHIN_SECONDS
    assert b"access_ended" in stream.received


def test_a_stream_goes_on_while_the_old_secret_of_a_rotated_key_works(world, server):
    key, plaintext = make_key(world.member)
    stream = completion(server, plaintext)
    rotate_api_key(key, overlap=timedelta(hours=1), actor=acting(world.member))
    stream.read_until(b"data: ", stream.received.count(b"data: ") + 8)
    ApiKey.objects.filter(pk=key.pk).update(previous_until=timezone.now())
    assert stream.read_to_the_end() < WITHIN_SECONDS
    assert b"credential_ended" in stream.received


def test_a_stream_that_began_with_the_new_secret_outlives_the_old_one(world, server):
    _, plaintext = rotate_api_key(make_key(world.member)[0], actor=acting(world.member))
    stream = completion(server, plaintext)
    stream.read_until(b"data: ", stream.received.count(b"data: ") + 8)
    assert b"error" not in stream.received
    stream.socket.close()
    assert eventually(UsageRecord.objects.first).outcome == "cancelled"


def browser_chat(world, server) -> Client:
    session = f"{settings.SESSION_COOKIE_NAME}={start_session(world.viewer)}"
    cookies = f"{session}; {settings.CSRF_COOKIE_NAME}={CSRF_TOKEN}"
    path = f"/api/projects/{world.project.pk}/chat"
    body = {"message": "Hi", "stream": True}
    chat = Client(server, path, body, Cookie=cookies, X_CSRFToken=CSRF_TOKEN, Origin=server.url)
    chat.read_until(b"event: token")
    return chat


@pytest.mark.parametrize(
    "end",
    [
        lambda user: Session.objects.filter(user=user).delete(),
        lambda user: suspend_user(user, actor=SYSTEM),
    ],
    ids=["session ended", "user suspended"],
)
def test_a_chat_ends_with_its_session_and_keeps_what_has_come(world, server, end):
    chat = browser_chat(world, server)
    end(world.viewer)
    assert chat.read_to_the_end() < WITHIN_SECONDS
    [event] = [line for line in chat.received.split(b"event: ") if line.startswith(b"error")]
    assert b"credential_ended" in event
    assert b"event: done" not in chat.received
    message = Message.objects.get(role="assistant")
    assert message.status == "cancelled"
    assert message.content
    assert message.usage.outcome == "cancelled"
    assert UsageRecord.objects.count() == 1


def test_an_answer_that_is_not_streamed_ends_too(world, server, provider):
    world.llm.litellm_model = "hang"
    world.llm.save()
    key, plaintext = make_key(world.member)
    body = {"model": "alpha-llm", "messages": HELLO}
    call = Client(server, "/v1/chat/completions", body, Authorization=f"Bearer {plaintext}")
    eventually(lambda: provider.requests)
    revoke(key)
    assert call.read_to_the_end() < WITHIN_SECONDS
    assert call.received.startswith(b"HTTP/1.1 401 ")
    assert b"credential_ended" in call.received
    assert UsageRecord.objects.get().outcome == "cancelled"


def test_a_stream_by_basic_authentication_ends_with_the_user(world, server):
    user = User.objects.get(pk=world.member.pk)
    user.set_password("correct horse battery staple")
    user.save()
    credential = b64encode(f"{user.email}:correct horse battery staple".encode()).decode()
    stream = Client(server, "/v1/chat/completions", COMPLETION, Authorization=f"Basic {credential}")
    stream.read_until(b"data: ")
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert stream.read_to_the_end() < WITHIN_SECONDS
    assert b"credential_ended" in stream.received
    assert UsageRecord.objects.get().outcome == "cancelled"
