"""Images in messages: a model sees only what the platform has fetched, checked and written anew."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from base64 import b64decode
from contextlib import suppress

import pytest
from PIL import Image

from catalog.tokens import TOKENS_PER_IMAGE
from inference import images as stage
from inference.images import settle_images
from inference.tests.image_calls import (
    PHOTO,
    URL,
    asking,
    assert_refused,
    call_of,
    data_url,
    part,
    picture,
    seen,
)
from inference.tests.image_server import NEVER
from metering.models import UsageRecord
from restai_site.lib.egress import FetchFailed
from restai_site.lib.errors import Invalid
from restai_site.tests import pictures
from restai_site.tests.clients import post_for_stream
from restai_site.tests.pictures import encoded, opened, photo
from restai_site.tests.world import make_key


async def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("is_data", [False, True])
def test_a_model_sees_a_copy_and_no_address(world, images, provider, streamed, is_data):
    content = pictures.with_secrets()
    url = data_url(content) if is_data else images.put("/photo", content)
    _, key = make_key(world.member)
    response, _ = post_for_stream(URL, asking(part(url), stream=streamed), key=key)
    assert response.status_code == 200
    [shown] = seen(provider)
    assert set(shown) == {"type", "image_url"}
    assert set(shown["image_url"]) == {"url"}
    assert picture(shown).size == (64, 48)
    assert url not in json.dumps(provider.requests[-1].body)
    assert b"SECRET" not in b64decode(shown["image_url"]["url"].partition(",")[2])
    assert UsageRecord.objects.get().outcome == "completed"


def test_a_project_sees_it_too(world, api_as, images, provider):
    body = asking(part(images.put("/a", PHOTO)), model=f"project/{world.project.pk}")
    assert api_as(world.viewer).post(URL, body).status_code == 200
    assert provider.requests[-1].body["messages"][0]["role"] == "system"
    assert picture(seen(provider)[0]).size == (64, 48)


@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool"])
def test_every_message_is_looked_through(world, api_as, images, provider, role):
    messages = [
        {"role": role, "content": [part(images.put("/a", PHOTO))]},
        {"role": "user", "content": "What is it?"},
    ]
    body = {"model": "alpha-llm", "messages": messages}
    assert api_as(world.member).post(URL, body).status_code == 200
    assert picture(seen(provider, 0)[0]).size == (64, 48)
    assert seen(provider) == "What is it?"


def test_texts_and_order_are_kept_and_so_is_the_detail_alone(world, api_as, images, provider):
    first = part(images.put("/a", PHOTO), detail="low", mime_type="text/html", extra=1)
    second = part(data_url(encoded(Image.new("RGB", (5, 5)), "GIF"))) | {"more": {"url": "x"}}
    texts = [{"type": "text", "text": text} for text in ("One:", "Two:")]
    body = asking(texts[0], first, texts[1], second)
    assert api_as(world.member).post(URL, body).status_code == 200
    shown = seen(provider)
    assert [shown[0], shown[2]] == texts
    assert set(shown[1]["image_url"]) == {"url", "detail"}
    assert shown[1]["image_url"]["detail"] == "low"
    assert set(shown[3]) == {"type", "image_url"}
    assert [picture(shown[1]).size, picture(shown[3]).size] == [(64, 48), (5, 5)]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
@pytest.mark.parametrize("told", ["text/html", "image/svg+xml", "application/octet-stream", ""])
def test_the_kind_is_told_by_the_content_alone(world, api_as, images, provider, kind, told):
    url = images.put("/a.exe", encoded(photo(), kind), kind=told)
    assert api_as(world.member).post(URL, asking(part(url))).status_code == 200
    assert picture(seen(provider)[0]).size == (64, 48)


def test_a_call_with_images_asks_the_database_as_often_as_any(
    world, api_as, images, django_assert_num_queries
):
    program, body = api_as(world.member), asking(part(images.put("/a", PHOTO)))
    program.post(URL, body)
    with django_assert_num_queries(3):
        program.post(URL, body)


def test_a_provider_with_an_api_of_its_own_gets_the_copy(world, api_as, images, provider):
    """The library that speaks to it has no address that it could fetch by itself."""
    world.provider.kind, world.provider.base_url = "anthropic", provider.url.removesuffix("/v1")
    world.provider.save()
    url = images.put("/a", encoded(photo(), "GIF"))
    response = api_as(world.member).post(URL, asking(part(url)))
    assert response.status_code == 200, response.content
    [shown] = [one for one in seen(provider) if one["type"] == "image"]
    assert shown["source"]["type"] == "base64"
    assert opened(b64decode(shown["source"]["data"])).size == (64, 48)
    assert len(images.requests) == 1


def test_an_image_costs_a_flat_number_of_tokens_where_no_provider_counts(world, api_as, images):
    world.llm.litellm_model = "no-usage"
    world.llm.save()
    text = {"type": "text", "text": "Hi"}
    counts = []
    for parts in ([text], [text, part(images.put("/a", PHOTO))]):
        answer = api_as(world.member).post(URL, asking(*parts)).json()
        counts.append(answer["usage"]["prompt_tokens"])
    assert counts[1] == counts[0] + TOKENS_PER_IMAGE


def test_at_most_sixteen_images(world, api_as, images, provider):
    one = part(data_url(encoded(Image.new("RGB", (2, 2)), "PNG")))
    program = api_as(world.member)
    assert program.post(URL, asking(*[one] * 16)).status_code == 200
    assert len(seen(provider)) == 16
    provider.requests.clear()
    far = part(images.put("/a", PHOTO))
    response = program.post(URL, asking(*[far] * 17))
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "A request may have at most 16 images."
    assert images.connections == 0
    assert provider.requests == []


def padded(size):
    """Return an image file of this many bytes."""
    return PHOTO + bytes(size - len(PHOTO))


def test_at_most_ten_megabytes_each(world, api_as, images, provider):
    program, most = api_as(world.member), 10 * 2**20
    url = images.put("/most", padded(most))
    assert program.post(URL, asking(part(url))).status_code == 200
    url = images.put("/more", padded(most + 1))
    response = program.post(URL, asking(part(url)))
    assert_refused(response, stage.NOT_FETCHED, code="fetch_failed")
    assert len(provider.requests) == 1


async def test_at_most_ten_megabytes_in_a_data_url():
    await settle_images(call_of(part(data_url(padded(10 * 2**20)))))
    with pytest.raises(Invalid, match=r"larger than 10 MB\.$"):
        await settle_images(call_of(part(data_url(padded(10 * 2**20 + 1)))))


def test_at_most_forty_megabytes_together(world, api_as, images, provider):
    urls = [images.put(f"/{number}", padded(9 * 2**20)) for number in range(5)]
    program = api_as(world.member)
    assert program.post(URL, asking(*map(part, urls[:4]))).status_code == 200
    response = program.post(URL, asking(*map(part, urls)))
    assert response.status_code == 400
    words = "The images of a request may hold 40 MB together."
    assert response.json()["error"]["message"] == words
    assert len(provider.requests) == 1


async def test_what_a_model_is_sent_obeys_the_limit_too(monkeypatch):
    monkeypatch.setattr(stage, "TOTAL_MAX_BYTES", 1500)
    small = data_url(encoded(photo(), "WEBP", quality=1))
    assert len(small) < 750
    await settle_images(call_of(part(small)))
    with pytest.raises(Invalid, match="together"):
        await settle_images(call_of(part(small), part(small)))


async def test_an_address_that_comes_twice_is_fetched_once(images):
    url = images.put("/a", PHOTO)
    call = call_of(part(url), part(url))
    await settle_images(call)
    assert [picture(shown).size for shown in call.request.messages[0]["content"]] == [(64, 48)] * 2
    assert len(images.requests) == 1


async def test_four_are_fetched_at_once_and_no_database_is_asked(images):
    go = threading.Event()
    urls = [images.put(f"/{number}", PHOTO, wait=go) for number in range(9)]
    task = asyncio.create_task(settle_images(call_of(*map(part, urls))))
    await until(lambda: images.open == 4)
    await asyncio.sleep(0.2)
    assert images.open == 4
    go.set()
    await task
    assert (images.most_open, len(images.requests)) == (4, 9)


async def test_two_calls_of_one_person_at_once_and_others_do_not_wait(images):
    go = threading.Event()
    urls = [images.put(f"/{number}", PHOTO, wait=go) for number in range(3)]
    mine = [asyncio.create_task(settle_images(call_of(part(url)))) for url in urls]
    await until(lambda: images.open == 2)
    await settle_images(call_of(part(images.put("/other", PHOTO)), user_id=8))
    assert images.open == 2
    go.set()
    await asyncio.gather(*mine)
    assert len(images.requests) == 4


async def test_hanging_up_ends_the_fetch(images):
    task = asyncio.create_task(settle_images(call_of(part(images.put("/x", b"", wait=NEVER)))))
    await until(lambda: images.open == 1)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    await until(lambda: images.hung_up == ["/x"])


async def test_a_failed_fetch_ends_the_others(images):
    slow, bad = images.put("/slow", b"", wait=NEVER), images.put("/bad", b"", status=404)
    with pytest.raises(FetchFailed):
        await settle_images(call_of(part(slow), part(bad)))
    await until(lambda: images.hung_up == ["/slow"])


async def test_others_are_served_while_a_large_image_is_written_anew():
    large = encoded(photo().resize((6000, 4000)), "JPEG", quality=40)
    task, turns = asyncio.create_task(settle_images(call_of(part(data_url(large))))), 0
    while not task.done():
        await asyncio.sleep(0.001)
        turns += 1
    await task
    assert turns > 20


def test_calls_without_images_load_no_library_for_them():
    program = (
        "import django, os, sys\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'restai_site.settings'\n"
        "django.setup()\n"
        "import inference.openai_views, inference.api.chat\n"
        "assert 'PIL' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
