"""On a real server: an answer ends with what let the visitor ask, within moments."""

import json
import socket
from datetime import timedelta
from functools import partial

import httpx
import pytest

from accounts.models import ApiKey
from accounts.services import suspend_user
from metering.models import UsageRecord
from restai_site.tests import waiting
from restai_site.tests.world import SYSTEM, acting, make_world
from widget.services import create_widget, delete_widget, renew_key, update_widget
from widget.tests.conftest import SITE

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
eventually = partial(waiting.eventually, seconds=10)


@pytest.fixture
def talking(transactional_db, provider, server):
    """A widget that is in the middle of a long answer, read by hand."""
    world = make_world(provider.url)
    world.llm.litellm_model = "slow-300"
    world.llm.save()
    widget, key = create_widget(
        world.project, name="Help", allowed_origins=[SITE], actor=acting(world.editor)
    )
    head = {"Authorization": f"Bearer {key}", "Origin": SITE, "Content-Type": "application/json"}
    begun = httpx.post(f"{server.url}/widget/{widget.public_id}/session", json={}, headers=head)
    head["X-Widget-Session"] = begun.json()["token"]
    stream = open_to(server, widget, "chat", {"message": "Hello", "stream": True}, head)
    seen = b""
    while seen.count(b"event: token") < 2:
        part = stream.recv(65_536)
        assert part, seen[-500:]
        seen += part
    return world, widget, stream


def open_to(server, widget, what, body, headers):
    data = json.dumps(body).encode()
    lines = {
        "Host": f"127.0.0.1:{server.port}",
        "Content-Length": str(len(data)),
        "Connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    stream = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    path = f"/widget/{widget.public_id}/{what}"
    stream.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + data)
    return stream


def read_all(stream):
    seen = b""
    while part := stream.recv(65_536):
        seen += part
    return seen


def _pause(world, widget):
    update_widget(widget, {"is_paused": True}, actor=SYSTEM)


def _revoke(world, widget):
    key = ApiKey.objects.get(pk=widget.key_id)
    key.revoked_at = key.created_at
    key.save()


def _suspend(world, widget):
    suspend_user(world.editor, actor=SYSTEM)


def _renew(world, widget):
    renew_key(widget, overlap=timedelta(0), actor=acting(world.editor))


def _delete(world, widget):
    delete_widget(widget, actor=acting(world.editor))


@pytest.mark.parametrize(
    "end", [_pause, _revoke, _suspend, _renew, _delete], ids=lambda one: one.__name__
)
def test_an_answer_ends_with_what_let_the_visitor_ask(talking, end):
    world, widget, stream = talking
    end(world, widget)
    rest = read_all(stream)
    assert b"event: error" in rest
    assert b"event: done" not in rest
    # What was said until then is counted.
    assert eventually(lambda: UsageRecord.objects.filter(outcome="cancelled").exists())
