"""Images and sound on a real server: the official client, large files, clients that hang up."""

import json
import socket
from base64 import b64decode
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from http.client import HTTPConnection
from threading import Barrier
from urllib.parse import urlsplit

import openai
import pytest

from benchmarks.mock_media import HEARD
from benchmarks.mock_media import SOUND as SPOKEN
from catalog.tokens import count_text
from inference.tests.media_world import IMAGES, PAINT, SOUND, SPEAK, SPEECH, behave, furnish
from metering.models import Budget, BudgetPeriod, UsageRecord
from restai_site.tests import waiting
from restai_site.tests.world import make_key, make_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
eventually = partial(waiting.eventually, seconds=10)
TOKEN = Decimal("0.00001")


@pytest.fixture
def media(transactional_db, provider):
    provider.requests.clear()
    return furnish(make_world(provider.url))


@pytest.fixture
def client(media, server):
    key = make_key(media.member)[1]
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0)


def test_the_official_client_paints_speaks_and_listens(client):
    painted = client.images.generate(model="painter", prompt="A heron", n=2)
    assert [b64decode(one.b64_json)[:2] in {b"\x89P", b"\xff\xd8"} for one in painted.data] == [
        True,
        True,
    ]
    spoken = client.audio.speech.create(model="voice", voice="alloy", input="Hello")
    assert spoken.read() == SPOKEN
    heard = client.audio.transcriptions.create(model="voice", file=("talk.mp3", SOUND))
    assert heard.text == HEARD
    assert UsageRecord.objects.filter(outcome="completed").count() == 3


def test_a_recording_may_be_larger_than_other_requests(client, provider):
    content = b"ID3" + b"\0" * (12 * 2**20)
    heard = client.audio.transcriptions.create(model="voice", file=("talk.mp3", content))
    assert heard.text == HEARD
    assert len(provider.requests[-1].body["file"][1]) == len(content)


def test_a_recording_over_the_limit_is_refused_before_it_is_kept(client, provider):
    content = b"ID3" + b"\0" * (27 * 2**20)
    with pytest.raises(openai.APIStatusError) as refused:
        client.audio.transcriptions.create(model="voice", file=("talk.mp3", content))
    assert refused.value.status_code == 413
    assert provider.requests == []


@pytest.mark.parametrize(
    ("path", "body", "units"),
    [(IMAGES, {**PAINT, "n": 2}, Decimal("0.08")), (SPEECH, SPEAK, 13 * Decimal("0.000015"))],
    ids=["images", "speech"],
)
def test_hanging_up_is_counted_in_full_and_ends_the_call_at_the_provider(
    media, server, provider, path, body, units
):
    made = Budget.objects.create(team=media.alpha, period="day", unit="money", amount=1)
    for model in (media.painter, media.voice):
        behave(model, "hang")
    connection = _sent(server, path, make_key(media.member)[1], body)
    eventually(lambda: provider.requests)
    connection.close()
    row = eventually(UsageRecord.objects.first)
    prompt = body.get("prompt") or body["input"]
    assert row.outcome == "cancelled"
    assert row.cost == units + count_text(prompt) * TOKEN
    period = BudgetPeriod.objects.get(budget=made)
    assert (period.spent, period.reserved) == (row.cost, 0)
    assert eventually(lambda: provider.requests[-1].hung_up)


def _sent(server, path, key, body):
    """Send a request by hand and return the open socket."""
    address, data = urlsplit(server.url), json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    connection = socket.create_connection((address.hostname, address.port), timeout=10)
    connection.sendall(head.encode() + data)
    return connection


def test_of_twenty_images_at_once_a_budget_for_three_pays_three(media, server, provider):
    made = Budget.objects.create(team=media.alpha, period="day", unit="money", amount="0.125")
    behave(media.painter, "slow-300")
    key, start = make_key(media.member)[1], Barrier(20)

    def paint(_):
        start.wait()
        connection = HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request("POST", IMAGES, json.dumps(PAINT), headers)
        status = connection.getresponse().status
        connection.close()
        return status

    with ThreadPoolExecutor(20) as threads:
        assert Counter(threads.map(paint, range(20))) == {200: 3, 402: 17}
    period = BudgetPeriod.objects.get(budget=made)
    assert period.spent == sum(row.cost for row in UsageRecord.objects.all())
    assert (period.reserved, len(provider.requests)) == (0, 3)
