"""Images and speech on /v1: OpenAI's shapes, through the one pipeline, at exact prices."""

import json
from base64 import b64decode
from decimal import Decimal
from io import BytesIO

import pytest
from PIL import Image

from benchmarks.mock_media import HEARD, PICTURE, REMARK, png
from benchmarks.mock_media import SOUND as SPOKEN
from catalog.tokens import count_text
from inference.tests.media_world import (
    IMAGES,
    PAINT,
    SOUND,
    TRANSCRIPTIONS,
    WAYS,
    ask,
    behave,
    furnish,
    recording,
)
from metering.models import Budget, BudgetPeriod, Reservation, UsageRecord
from restai_site.tests.world import SYSTEM, make_key
from teams.services import set_grants

CHARACTER, IMAGE, TOKEN = Decimal("0.000015"), Decimal("0.04"), Decimal("0.00001")


@pytest.fixture
def media(world):
    return furnish(world)


@pytest.fixture
def program(media, api_as):
    return api_as(media.member)


def model_of(world, way):
    return world.painter if way == "images" else world.voice


def test_an_image_comes_along_written_anew(program, provider):
    answer = ask(program, "images", size="1024x1024", quality="high", n=2)
    assert answer.status_code == 200
    assert set(answer.json()) == {"created", "data", "usage"}
    made = answer.json()["data"]
    assert [set(one) for one in made] == [{"b64_json"}] * 2
    content = b64decode(made[0]["b64_json"])
    assert REMARK.encode() not in content
    with Image.open(BytesIO(content)) as image:
        assert (image.size, image.text if image.format == "PNG" else {}) == ((8, 8), {})
    assert provider.requests[-1].path == IMAGES
    assert provider.requests[-1].body == {
        "model": "mock",
        "prompt": "A heron",
        "n": 2,
        "size": "1024x1024",
        "quality": "high",
        "response_format": "b64_json",
    }


def test_a_model_that_only_makes_files_is_not_asked_for_them(program, media, provider):
    behave(media.painter, "gpt-image-1")
    assert ask(program, "images").status_code == 200
    assert "response_format" not in provider.requests[-1].body


def test_a_text_is_spoken_in_the_format_asked_for(program, provider):
    answer = ask(program, "speech", response_format="wav", speed=1.5, instructions="Slowly")
    assert (answer.status_code, answer.content) == (200, SPOKEN)
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == "attachment; filename=speech.wav"
    assert provider.requests[-1].body == {
        "model": "mock",
        "input": "Hello, heron!",
        "voice": "alloy",
        "speed": 1.5,
        "response_format": "wav",
        "instructions": "Slowly",
    }


def test_speech_is_written_down(program, provider):
    answer = ask(program, "transcriptions", language="en", prompt="Herons", temperature="0.5")
    assert (answer.status_code, answer.json()["text"]) == (200, HEARD)
    sent = provider.requests[-1].body
    # Nothing of the name of the file goes to the provider.
    assert sent.pop("file") == ("audio.mp3", SOUND)
    assert sent == {
        "model": "mock",
        "language": "en",
        "prompt": "Herons",
        "temperature": "0.5",
        "response_format": "json",
    }


def test_a_transcription_may_be_plain_text(program):
    answer = ask(program, "transcriptions", response_format="text")
    assert answer.content.decode() == HEARD + "\n"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_images_are_paid_for_by_their_number(program, media):
    ask(program, "images", n=3)
    row = UsageRecord.objects.get()
    tokens = count_text("A heron")
    assert (row.kind, row.model_name, row.outcome) == ("image", "painter", "completed")
    assert (row.team_id, row.user_id, row.project_id) == (media.alpha.pk, media.member.pk, None)
    assert (row.prompt_tokens, row.completion_tokens) == (tokens, 0)
    assert row.cost == 3 * IMAGE + tokens * TOKEN


def test_only_images_that_came_are_paid_for(program, media):
    behave(media.painter, "image-fewer")
    assert len(ask(program, "images", n=3).json()["data"]) == 2
    assert UsageRecord.objects.get().cost == 2 * IMAGE + count_text("A heron") * TOKEN


def test_speech_is_paid_for_by_its_characters(program):
    text = "Grüße, 日本語 🦊"
    ask(program, "speech", input=text)
    row = UsageRecord.objects.get()
    assert row.kind == "audio"
    assert row.cost == len(text) * CHARACTER + count_text(text) * TOKEN


def test_a_transcription_is_paid_for_by_the_characters_heard(program):
    ask(program, "transcriptions")
    row = UsageRecord.objects.get()
    assert (row.kind, row.prompt_tokens) == ("audio", 0)
    assert row.completion_tokens == count_text(HEARD)
    assert row.cost == len(HEARD) * CHARACTER


@pytest.mark.parametrize("way", WAYS)
def test_what_the_provider_refuses_costs_no_more_than_its_prompt(program, media, way):
    behave(model_of(media, way), "error-500")
    assert ask(program, way).status_code == 502
    row = UsageRecord.objects.get()
    assert row.outcome == "provider_error"
    assert row.cost == row.prompt_tokens * TOKEN


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("behaviour", ["hang-up", "garbage", "html", "wrong-shape", "redirect"])
def test_a_provider_that_misbehaves_is_told_in_words(program, media, way, behaviour):
    behave(model_of(media, way), behaviour)
    answer = ask(program, way)
    if (way, behaviour) == ("speech", "garbage"):
        # Sound is not looked into.
        return
    assert answer.status_code == 502
    assert answer.json()["error"]["message"].endswith(".")
    assert UsageRecord.objects.get().outcome == "provider_error"


@pytest.mark.parametrize(
    ("way", "behaviour"),
    [
        ("images", "image-broken"),
        ("images", "image-more"),
        ("images", "image-fewer"),
        ("speech", "json-sound"),
        ("speech", "no-sound"),
        ("transcriptions", "no-text"),
    ],
)
def test_an_answer_that_is_none_is_told_in_words(program, media, way, behaviour):
    behave(model_of(media, way), behaviour)
    answer = ask(program, way)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "provider_bad_answer")


@pytest.mark.parametrize("way", WAYS)
def test_a_grant_that_is_withdrawn_stops_the_next_call(program, media, way, provider):
    assert ask(program, way).status_code == 200
    set_grants(media.alpha, {"image_generators": [], "audio_generators": []}, actor=SYSTEM)
    refused = ask(program, way)
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")
    assert (len(provider.requests), UsageRecord.objects.count()) == (1, 1)


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_is_switched_off_is_not_called(program, media, way, provider):
    kind = type(model_of(media, way))
    kind.objects.update(enabled=False)
    assert ask(program, way).status_code == 404
    assert provider.requests == []


@pytest.mark.parametrize("way", WAYS)
def test_who_is_let_in(media, way, api, api_as, provider):
    assert ask(api, way).status_code == 401
    assert ask(api_as(media.outsider), way).status_code == 404
    limits = {"project_ids": [media.project.pk]}
    assert ask(api.with_key(make_key(media.editor, **limits)[1]), way).status_code == 404
    for scope in ("read", "chat"):
        key = make_key(media.editor, scope=scope)[1]
        assert ask(api.with_key(key), way).status_code == 403
    assert provider.requests == []
    assert not UsageRecord.objects.exists()


def test_a_language_model_makes_no_images_and_the_other_way_round(program, media):
    assert ask(program, "images", model="alpha-llm").status_code == 404
    assert ask(program, "speech", model="painter").status_code == 404
    body = {"model": "painter", "messages": [{"role": "user", "content": "Hi"}]}
    assert program.post("/v1/chat/completions", body).status_code == 404


def test_models_that_make_images_and_sound_are_listed(program):
    listed = [one["id"] for one in program.get("/v1/models").json()["data"]]
    assert {"painter", "voice"} <= set(listed)


@pytest.mark.parametrize("way", WAYS)
def test_rate_limits_apply_with_their_headers(media, api, way, provider):
    caller = api.with_key(make_key(media.member, requests_per_minute=2)[1])
    first, second, third = (ask(caller, way) for _ in range(3))
    assert [one.status_code for one in (first, second, third)] == [200, 200, 429]
    assert [one.headers["RateLimit-Remaining"] for one in (first, second, third)] == ["1", "0", "0"]
    assert third.headers["Retry-After"] == third.headers["RateLimit-Reset"]
    assert third.json()["error"]["limited"] == "key"
    assert len(provider.requests) == 2


def budget(owner, unit, amount):
    return Budget.objects.create(**owner, period="day", unit=unit, amount=Decimal(amount))


def test_a_budget_pays_for_as_many_images_as_it_holds(program, media, provider):
    made = budget({"team": media.alpha}, "money", "0.10")
    assert ask(program, "images", n=2).status_code == 200
    refused = ask(program, "images")
    assert (refused.status_code, refused.json()["error"]["type"]) == (402, "insufficient_quota")
    assert len(provider.requests) == 1
    period = BudgetPeriod.objects.get(budget=made)
    assert (period.spent, period.reserved) == (UsageRecord.objects.get().cost, 0)


def test_a_call_that_costs_more_than_is_left_never_reaches_the_provider(program, media, provider):
    budget({"user": media.member}, "money", "0.0399")
    assert ask(program, "images").status_code == 402
    assert provider.requests == []


@pytest.mark.parametrize("way", ["speech", "transcriptions"])
def test_a_budget_of_no_money_hears_and_says_nothing(program, media, way, provider):
    budget({"team": media.alpha}, "money", "0.000001")
    assert ask(program, way).status_code == 402
    assert provider.requests == []


@pytest.mark.parametrize("way", WAYS)
def test_what_was_held_comes_back_when_the_provider_fails(program, media, way):
    made = budget({"team": media.alpha}, "money", "1")
    behave(model_of(media, way), "error-500")
    ask(program, way)
    period = BudgetPeriod.objects.get(budget=made)
    assert (period.spent, period.reserved) == (UsageRecord.objects.get().cost, 0)
    assert Reservation.objects.get().state == "settled"


def test_a_transcription_holds_by_the_size_of_the_file_and_pays_for_what_was_heard(program, media):
    made = budget({"team": media.alpha}, "money", "1")
    ask(program, "transcriptions", content=b"ID3\x04" + b"\0" * 99_996)
    assert Reservation.objects.get().cost == 1001 * CHARACTER
    assert BudgetPeriod.objects.get(budget=made).spent == len(HEARD) * CHARACTER


def test_tokens_heard_are_held_of_a_token_budget(program, media, provider):
    budget({"team": media.alpha}, "tokens", 100)
    assert ask(program, "transcriptions").status_code == 200
    body = b"ID3\x04" + b"\0" * 99_996
    assert ask(program, "transcriptions", content=body).status_code == 402
    assert len(provider.requests) == 1


def test_an_image_at_the_providers_own_host_is_fetched(program, media, provider):
    behave(media.painter, "image-at-own")
    answer = ask(program, "images")
    assert answer.status_code == 200
    assert REMARK.encode() not in b64decode(answer.json()["data"][0]["b64_json"])
    fetched = provider.requests[-1]
    assert (fetched.method, fetched.path) == ("GET", PICTURE)
    # The key of the account goes to the provider's API alone.
    assert "authorization" not in fetched.headers


def test_an_image_elsewhere_is_fetched_as_any_other_address(program, media, images):
    behave(media.painter, f"image-at-{images.put('/photo.png', png())}")
    assert ask(program, "images").status_code == 200
    assert [path for path, _ in images.requests] == ["/photo.png"]


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:9/x.png", "http://169.254.169.254/latest", "file:///etc/passwd", "x"],
)
def test_an_image_inside_the_network_is_not_fetched(program, media, address):
    behave(media.painter, f"image-at-{address}")
    answer = ask(program, "images")
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "provider_bad_answer")
    assert "127.0.0.1" not in answer.content.decode()


def test_a_host_that_nobody_listed_is_not_asked(program, media, stranger):
    behave(media.painter, f"image-at-{stranger.put('/photo.png', png())}")
    assert ask(program, "images").status_code == 502
    assert (stranger.connections, stranger.requests) == (0, [])


def test_an_image_that_the_provider_no_longer_has_is_told_and_paid_for(program, media, images):
    behave(media.painter, f"image-at-{images.put('/photo.png', b'gone', status=404)}")
    assert ask(program, "images").status_code == 502
    assert UsageRecord.objects.get().cost == IMAGE + count_text("A heron") * TOKEN


def test_a_cookie_needs_the_token_against_forged_requests(media, as_user, provider):
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    browser.cookies = as_user(media.member).cookies
    answers = [
        browser.post(IMAGES, json.dumps(PAINT), content_type="application/json"),
        browser.post(TRANSCRIPTIONS, recording()),
        browser.generic(
            "POST", TRANSCRIPTIONS, b"--x", content_type="multipart/form-data; boundary=x"
        ),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert provider.requests == []


def test_a_restricted_user_makes_nothing(media, api_as, provider):
    caller = api_as(media.member)
    type(media.member).objects.filter(pk=media.member.pk).update(is_restricted=True)
    assert [ask(caller, way).status_code for way in WAYS] == [403, 403, 403]
    assert provider.requests == []


@pytest.mark.parametrize("way", WAYS)
def test_a_call_asks_the_database_three_times(media, api, way, django_assert_num_queries):
    caller = api.with_key(make_key(media.member)[1])
    ask(caller, way)
    with django_assert_num_queries(3):
        assert ask(caller, way).status_code == 200
