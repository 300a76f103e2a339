"""Images that are none, addresses that lead inside, and other ways to abuse images in messages."""

import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference import images as stage
from inference.images import NOT_FETCHED
from inference.tests.image_calls import PHOTO, PLACE, URL, asking, assert_refused, data_url, part
from inference.tests.image_server import NEVER, Page
from metering.models import UsageRecord
from restai_site.lib.images import TOO_MANY_PIXELS, UNREADABLE
from restai_site.tests import pictures
from restai_site.tests.clients import post_for_stream
from restai_site.tests.pictures import encoded, photo
from restai_site.tests.world import make_key

HOSTILE = {
    "a web page": (Page(b"<html>Hello</html>"), UNREADABLE),
    "a script in a picture": (Page(b"<svg><script/></svg>", "image/svg+xml"), UNREADABLE),
    "nothing": (Page(b""), UNREADABLE),
    "half a picture": (Page(PHOTO[: len(PHOTO) // 2]), UNREADABLE),
    "a document": (Page(encoded(photo(), "PDF")), UNREADABLE),
    "another format": (Page(encoded(photo(), "TIFF")), UNREADABLE),
    "a huge picture": (Page(pictures.huge_png()), TOO_MANY_PIXELS),
    "a huge frame": (Page(pictures.huge_gif(), "image/gif"), TOO_MANY_PIXELS),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_hostile_file_is_refused_before_any_model_is_called(
    world, images, provider, name, streamed
):
    images.pages["/x"], words = HOSTILE[name]
    body = asking(part(f"http://{images.host}/x"), stream=streamed)
    response, _ = post_for_stream(URL, body, key=make_key(world.member)[1])
    assert response.headers["Content-Type"] == "application/json"
    assert_refused(response, words)
    assert provider.requests == []
    assert not UsageRecord.objects.exists()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_in_a_data_url_is_refused_too(world, api_as, provider, name):
    page, words = HOSTILE[name]
    assert_refused(api_as(world.member).post(URL, asking(part(data_url(page.body)))), words)
    assert provider.requests == []


NOT_FETCHABLE = {
    "loopback": lambda images, stranger: stranger.put("/a.png", PHOTO),
    "closed": lambda images, stranger: "http://127.0.0.1:9/a.png",
    "loopback by name": lambda images, stranger: f"http://localhost:{stranger.port}/a.png",
    "metadata": lambda images, stranger: "http://169.254.169.254/latest/meta-data/",
    "no such host": lambda images, stranger: "http://no-such-host.invalid/a.png",
    "not there": lambda images, stranger: images.put("/x", PHOTO, status=404),
    "broken": lambda images, stranger: images.put("/x", PHOTO, status=500),
    "redirect inside": lambda images, stranger: images.put(
        "/x", b"", status=302, headers={"Location": stranger.put("/a.png", PHOTO)}
    ),
    "redirect to a file": lambda images, stranger: images.put(
        "/x", b"", status=302, headers={"Location": "file:///etc/passwd"}
    ),
    "endless": lambda images, stranger: images.put("/x", None),
    "bomb": lambda images, stranger: images.put(
        "/x", gzip.compress(bytes(50 * 2**20)), headers={"Content-Encoding": "gzip"}
    ),
    "not compressed": lambda images, stranger: images.put(
        "/x", PHOTO, headers={"Content-Encoding": "gzip"}
    ),
}


@pytest.mark.parametrize("reason", NOT_FETCHABLE)
def test_whatever_the_reason_a_failed_fetch_says_the_same(
    world, api_as, images, stranger, provider, reason
):
    """Nobody can tell a closed port from an open one, or an inner host from one that is not."""
    url = NOT_FETCHABLE[reason](images, stranger)
    response = api_as(world.member).post(URL, asking(part(url)))
    assert_refused(response, NOT_FETCHED, code="fetch_failed")
    assert stranger.connections == 0
    assert provider.requests == []
    assert not UsageRecord.objects.exists()


def test_a_server_that_drips_is_given_up_in_the_same_words(
    world, api_as, images, provider, monkeypatch
):
    monkeypatch.setattr(stage, "FETCH_SECONDS", 0.5)
    slow = images.put("/slow", b"", wait=NEVER)
    quick = images.put("/quick", PHOTO)
    response = api_as(world.member).post(URL, asking(part(quick), part(slow)))
    place = "messages[0].content[1].image_url.url"
    assert_refused(response, NOT_FETCHED, place=place, code="fetch_failed")
    assert provider.requests == []


def test_an_address_inside_the_network_is_not_contacted_in_any_spelling(
    world, api_as, stranger, provider
):
    port = stranger.port
    hosts = ["127.0.0.1", "127.1", "0", "0.0.0.0", "0x7f.1", "0177.0.0.1", "2130706433",  # noqa: S104
             "localhost", "LOCALHOST.", "[::1]", "[::ffff:127.0.0.1]", "①②⑦.⓪.⓪.①"]  # fmt: skip
    program = api_as(world.member)
    for host in hosts:
        response = program.post(URL, asking(part(f"http://{host}:{port}/a.png")))
        assert response.status_code == 400, host
        assert response.json()["error"]["param"] == PLACE
    assert stranger.connections == 0
    assert provider.requests == []


def test_the_place_is_the_callers_own_also_behind_a_prompt(world, api_as, images):
    text = {"role": "user", "content": "Look:"}
    parts = [{"type": "text", "text": "this"}, part(images.put("/x", b"no image"))]
    for model in ("alpha-llm", f"project/{world.project.pk}"):
        body = {"model": model, "messages": [text, text, {"role": "user", "content": parts}]}
        response = api_as(world.editor).post(URL, body)
        assert_refused(response, UNREADABLE, place="messages[2].content[1].image_url.url")


def test_nothing_is_fetched_for_those_who_may_not_call_the_model(world, api, api_as, images):
    body = asking(part(images.put("/a", PHOTO)))
    assert api.post(URL, body).status_code == 401
    assert api_as(world.outsider).post(URL, body).status_code == 404
    assert images.connections == 0


WORDS_OF_BASE64 = "A data: URL must hold its image in base64."


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("data:", WORDS_OF_BASE64),
        ("data:image/png,x", WORDS_OF_BASE64),
        ("data:image/svg+xml,%3Csvg%3E", WORDS_OF_BASE64),
        ("data:image/png;base64,", UNREADABLE),
        ("data:image/png;base64,a", "The data: URL is not valid base64."),
        ("data:image/png;base64,aa aa", "The data: URL is not valid base64."),
        ("data:image/png;base64,ää==", "The data: URL is not valid base64."),
        ("", "The address must begin with http:// or https://."),
        ("a.png", "The address must begin with http:// or https://."),
        ("file:///etc/passwd", "The address must begin with http:// or https://."),
        ("gs://bucket/a.png", "The address must begin with http:// or https://."),
        ("DATA:image/png;base64,AAAA", "The address must begin with http:// or https://."),
        ("http://user:word@example.com/", "The address must not contain a user name or password."),
        ("http://127.0.0.1\\@example.com/", "The address must not contain a backslash."),
        (7, "The address of the image is missing."),
        (None, "The address of the image is missing."),
    ],
)
def test_an_address_that_is_none_is_refused(world, api_as, provider, url, words):
    assert_refused(api_as(world.member).post(URL, asking(part(url))), words)
    assert provider.requests == []


@pytest.mark.parametrize("detail", ["best", "", 1, ["low"], {}])
def test_a_detail_that_is_none_is_refused(world, api_as, provider, detail):
    response = api_as(world.member).post(URL, asking(part(data_url(PHOTO), detail=detail)))
    place = "messages[0].content[0].image_url.detail"
    assert_refused(response, "The detail must be auto, low or high.", place=place)
    assert provider.requests == []


@pytest.mark.parametrize("field", ["images", "image_url", "attachments", "audio"])
def test_images_come_in_by_no_other_door(world, api_as, stranger, provider, field):
    """Libraries of providers look for them in other fields of a message too."""
    hidden = part(f"http://{stranger.host}/a.png")
    for value in ([hidden], hidden):
        message = {"role": "assistant", "content": "x", field: value}
        body = {"model": "alpha-llm", "messages": [message]}
        response = api_as(world.member).post(URL, body)
        assert response.status_code == 400
        assert response.json()["error"]["param"] == f"messages[0].{field}"
    assert stranger.connections == 0
    assert provider.requests == []


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from([b"", PHOTO[:60], b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8X"]),
    st.binary(max_size=300),
)
def test_arbitrary_bytes_never_break_the_server(world, api_as, start, rest):
    response = api_as(world.member).post(URL, asking(part(data_url(start + rest))))
    assert response.status_code in (200, 400)
    if response.status_code == 400:
        assert_refused(response, response.json()["error"]["message"].partition(": ")[2])
