"""On a real server, over real sockets: clients that hang up, many streams, the official client."""

import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urlsplit

import openai
import pytest

from inference.models import Message
from inference.tests.image_calls import PHOTO, data_url, part
from inference.tests.sockets import WAIT_SECONDS, send
from metering.models import UsageRecord
from restai_site.tests import waiting
from restai_site.tests.world import make_key, make_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
eventually = partial(waiting.eventually, seconds=WAIT_SECONDS)


@pytest.fixture
def world(transactional_db, provider):
    provider.requests.clear()
    return make_world(provider.url)


@pytest.fixture
def client_of(world, server):
    def make(user):
        return openai.OpenAI(base_url=f"{server.url}/v1", api_key=make_key(user)[1], max_retries=0)

    return make


def behave(world, name):
    world.llm.litellm_model = name
    world.llm.save()


HELLO = [{"role": "user", "content": "Hello"}]


def test_the_official_client_chats_streams_lists_and_embeds(world, client_of):
    client = client_of(world.viewer)
    model = f"project/{world.project.pk}"
    answer = client.chat.completions.create(model=model, messages=HELLO)
    assert answer.choices[0].message.content.startswith("The quick")
    assert answer.usage.total_tokens > 0
    stream = client.chat.completions.create(
        model="alpha-llm", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == answer.choices[0].message.content
    assert chunks[-1].usage.total_tokens > 0
    assert model in [entry.id for entry in client.models.list()]
    vectors = client.embeddings.create(model="alpha-embedding", input=["one", "two"])
    assert len(vectors.data[0].embedding) == len(vectors.data[1].embedding) > 0


@pytest.mark.parametrize("stream", [False, True])
def test_the_official_client_sends_images(world, client_of, provider, stream):
    ask = partial(client_of(world.member).chat.completions.create, model="alpha-llm", stream=stream)
    assert list(ask(messages=[{"role": "user", "content": [part(data_url(PHOTO))]}]))
    inside = [{"role": "user", "content": [part("http://127.0.0.1:9/a.png")]}]
    with pytest.raises(openai.BadRequestError, match="could not be fetched"):
        ask(messages=inside)
    [sent] = provider.requests
    shown = sent.body["messages"][0]["content"][0]["image_url"]["url"]
    assert shown.startswith("data:image/jpeg;base64,")
    assert UsageRecord.objects.count() == 1


def test_the_official_client_understands_our_errors(world, client_of):
    with pytest.raises(openai.NotFoundError, match="no model"):
        client_of(world.outsider).chat.completions.create(model="alpha-llm", messages=HELLO)
    with pytest.raises(openai.BadRequestError, match="temperature"):
        client_of(world.member).chat.completions.create(
            model="alpha-llm", messages=HELLO, temperature=9
        )
    behave(world, "cut-mid-stream")
    with pytest.raises(openai.APIError):
        list(
            client_of(world.member).chat.completions.create(
                model="alpha-llm", messages=HELLO, stream=True
            )
        )


def test_the_usage_is_durable_before_the_last_byte_leaves(world, client_of):
    stream = client_of(world.member).chat.completions.create(
        model="alpha-llm", messages=HELLO, stream=True
    )
    for _ in stream:
        pass
    assert UsageRecord.objects.get().outcome == "completed"


def test_hanging_up_mid_stream_is_counted_and_ends_the_call_at_the_provider(
    world, server, provider
):
    behave(world, "slow-100")
    key = make_key(world.member)[1]
    body = {"model": "alpha-llm", "messages": HELLO, "stream": True}
    connection = send(server, "/v1/chat/completions", key, body)
    received = b""
    while received.count(b"data: ") < 4:
        received += connection.recv(65536)
    connection.close()
    row = eventually(UsageRecord.objects.first)
    assert (row.outcome, row.streamed, row.tokens_source) == ("cancelled", True, "tokenizer")
    assert row.completion_tokens > 0
    assert eventually(lambda: provider.requests[-1].hung_up)


def test_hanging_up_before_an_answer_is_counted_too(world, server, provider):
    behave(world, "hang")
    key = make_key(world.member)[1]
    body = {"model": "alpha-llm", "messages": HELLO}
    connection = send(server, "/v1/chat/completions", key, body)
    eventually(lambda: provider.requests)
    connection.close()
    assert eventually(UsageRecord.objects.first).outcome == "cancelled"


def test_stopping_a_chat_keeps_what_has_come(world, server):
    behave(world, "slow-100")
    key = make_key(world.viewer)[1]
    path = f"/api/projects/{world.project.pk}/chat"
    connection = send(server, path, key, {"message": "Hi", "stream": True})
    received = b""
    while received.count(b"event: token") < 3:
        received += connection.recv(65536)
    connection.close()
    message = eventually(lambda: Message.objects.filter(role="assistant").first())
    assert message.status == "cancelled"
    assert message.content
    assert message.usage.outcome == "cancelled"


def test_a_body_over_the_limit_is_refused_however_it_is_sent(world, server):
    """Without a length, the server itself has to count."""
    address = urlsplit(server.url)
    key = make_key(world.member)[1]
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(head.encode())
        try:
            for _ in range(10):
                connection.sendall(chunk)
            connection.sendall(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was sent
        assert b" 413 " in connection.recv(65536).split(b"\r\n", 1)[0]


def test_many_open_streams_do_not_hold_up_a_plain_request(world, server, client_of, provider):
    behave(world, "slow-300")
    key = make_key(world.member)[1]
    body = {"model": "alpha-llm", "messages": HELLO, "stream": True}
    streams = [send(server, "/v1/chat/completions", key, body) for _ in range(100)]
    eventually(lambda: len(provider.requests) == len(streams))
    client = client_of(world.member)
    behave(world, "mock")
    assert client.chat.completions.create(model="alpha-llm", messages=HELLO).choices
    for stream in streams:
        stream.close()
    assert eventually(
        lambda: UsageRecord.objects.filter(outcome="cancelled").count() == len(streams)
    )


def test_parallel_calls_write_one_row_each(world, client_of):
    client = client_of(world.member)

    def ask(_):
        return client.chat.completions.create(model="alpha-llm", messages=HELLO)

    with ThreadPoolExecutor(16) as pool:
        assert len(list(pool.map(ask, range(64)))) == 64
    assert UsageRecord.objects.count() == 64
