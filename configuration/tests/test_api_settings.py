"""/api/settings: for platform administrators, with secrets as a mask."""

import json

import pytest
from django.core.cache import cache

from audit.models import Entry
from configuration.models import StoredSetting
from configuration.services import TEST_GROUP
from restai_site.lib.configuration import current
from restai_site.lib.drf import MASK
from restai_site.lib.mail import MailSection
from restai_site.tests.limits import redis_away, use_up_tests

SECRET = "s3cret-of-the-sample"
PATHS = [
    ("get", "/api/settings"),
    ("get", "/api/settings/sample"),
    ("patch", "/api/settings/sample"),
    ("post", "/api/settings/sample/test"),
]


@pytest.fixture
def program(world, api_as):
    cache.clear()
    return api_as(world.platform_admin)


def patch(program, body, section="sample"):
    return program.patch(f"/api/settings/{section}", body)


def by_name(answer) -> dict:
    return {setting["name"]: setting for setting in answer.json()["settings"]}


def values(answer) -> dict:
    return {name: setting["value"] for name, setting in by_name(answer).items()}


def refused(program, body) -> dict:
    """Return the messages; nothing has changed."""
    before = list(StoredSetting.objects.values()), Entry.objects.acts().count()
    answer = patch(program, body)
    assert answer.status_code == 400
    assert (list(StoredSetting.objects.values()), Entry.objects.acts().count()) == before
    return answer.json().get("errors") or answer.json()["detail"]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_settings_are_for_platform_administrators(world, api, api_as, sample, method, path):
    body = {"count": 7} if method == "patch" else None
    for client, status in (
        (api, 401),
        (api_as(world.outsider), 403),
        (api_as(world.viewer), 403),
        (api_as(world.team_admin), 403),
    ):
        answer = getattr(client, method)(path, body)
        assert (answer.status_code, "Of every kind one." in answer.content.decode()) == (
            status,
            False,
        )
        assert not StoredSetting.objects.exists()
        assert not Entry.objects.filter(action__startswith="settings.").exists()
    assert getattr(api_as(world.platform_admin), method)(path, body).status_code == 200


def test_all_sections_come_in_the_order_of_their_pages(program, sample):
    answer = program.get("/api/settings")
    slugs = [section["slug"] for section in answer.json()]
    assert slugs[:2] == ["mail", "authentication"]
    assert "sample" in slugs


def test_a_section_says_all_about_its_settings(program, sample, monkeypatch):
    monkeypatch.setenv("SAMPLE_COUNT", "3")
    patch(program, {"colour": "blue"})
    answer = program.get("/api/settings/sample")
    section = answer.json()
    assert {name: section[name] for name in ("slug", "title", "lede", "test_label")} == {
        "slug": "sample",
        "title": "Sample",
        "lede": "Of every kind one.",
        "test_label": "Try it",
    }
    found = by_name(answer)
    assert list(found) == ["place", "key", "count", "open", "colour", "names"]
    assert found["place"] == {
        "name": "place",
        "label": "Place",
        "explanation": "Where it is.",
        "kind": "text",
        "value": "here",
        "default": "here",
        "choices": [],
        "set_at": None,
        "locked_by": "",
    }
    assert (found["count"]["value"], found["count"]["locked_by"]) == (3, "SAMPLE_COUNT")
    assert found["count"]["default"] == 5
    assert found["colour"]["choices"] == [
        {"value": "red", "label": "Red"},
        {"value": "blue", "label": "Blue"},
    ]
    assert found["colour"]["set_at"] is not None
    assert found["names"]["value"] == ["ada"]


def test_a_change_is_answered_with_what_now_holds(program, sample):
    answer = patch(program, {"count": 7, "names": ["b", " c ", "b"]})
    assert answer.status_code == 200
    assert values(answer)["count"] == 7
    assert values(answer)["names"] == ["b", "c"]
    assert (current(sample).count, current(sample).names) == (7, ("b", "c"))


def test_null_is_back_to_the_default(program, sample):
    patch(program, {"count": 7})
    assert values(patch(program, {"count": None}))["count"] == 5
    assert not StoredSetting.objects.exists()


def test_a_secret_is_in_no_answer(program, sample):
    answers = [patch(program, {"key": SECRET}), program.get("/api/settings")]
    answers += [program.get("/api/settings/sample"), program.get("/api/audit")]
    for answer in answers:
        assert answer.status_code == 200
        assert SECRET not in answer.content.decode()
    key = by_name(answers[0])["key"]
    assert (key["value"], key["default"], key["kind"]) == (MASK, "", "secret")
    assert key["set_at"] is not None


def test_the_mask_has_one_length(program, sample):
    short = values(patch(program, {"key": "a"}))["key"]
    assert short == values(patch(program, {"key": "a" * 4000}))["key"] == MASK


@pytest.mark.parametrize("sent", [MASK, "", "   ", f" {MASK} "])
def test_writing_back_what_was_read_keeps_the_secret(program, sample, sent):
    patch(program, {"key": SECRET})
    assert patch(program, {"key": sent, "count": 7}).status_code == 200
    assert current(sample).key == SECRET
    assert list(Entry.objects.acts().latest("id").changes) == ["count"]


def test_all_values_can_be_written_back(program, sample, monkeypatch):
    monkeypatch.setenv("SAMPLE_COUNT", "3")
    patch(program, {"key": SECRET, "place": "there"})
    before = Entry.objects.acts().count()
    answer = patch(program, values(program.get("/api/settings/sample")))
    assert answer.status_code == 200
    assert Entry.objects.acts().count() == before
    assert (current(sample).key, current(sample).place) == (SECRET, "there")


def test_a_secret_is_cleared_on_purpose_only(program, sample):
    patch(program, {"key": SECRET})
    assert patch(program, {"clear_key": False}).status_code == 200
    assert current(sample).key == SECRET
    answer = patch(program, {"clear_key": True})
    assert by_name(answer)["key"]["value"] == ""
    assert by_name(answer)["key"]["set_at"] is None
    assert current(sample).key == ""


@pytest.mark.parametrize("key", [{}, {"key": MASK}, {"key": ""}])
def test_a_new_destination_needs_the_secret_again(program, sample, key):
    patch(program, {"key": SECRET})
    assert list(refused(program, {"place": "evil.example", **key})) == ["key"]
    assert patch(program, {"place": "there", "key": SECRET}).status_code == 200


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"count": 11}, ["count"]),
        ({"count": "7"}, ["count"]),
        ({"open": "yes"}, ["open"]),
        ({"colour": "green"}, ["colour"]),
        ({"names": "a"}, ["names"]),
        ({"names": [{"a": 1}]}, ["names"]),
        ({"key": None}, ["key"]),
        ({"key": 5}, ["key"]),
        ({"key": "x" * 5000}, ["key"]),
        ({"clear_key": "yes"}, ["clear_key"]),
        ({"clear_place": True}, ["clear_place"]),
        ({"size": 1}, ["size"]),
        ({"slug": "mail"}, ["slug"]),
        ({"locked_by": ""}, ["locked_by"]),
        ({"__class__": 1}, ["__class__"]),
        ({"settings": []}, ["settings"]),
        ({"count": 11, "place": "there", "size": 1}, ["count", "size"]),
    ],
)
def test_a_wrong_value_is_refused_by_its_name_and_nothing_is_kept(program, sample, body, fields):
    assert sorted(refused(program, body)) == fields


@pytest.mark.parametrize("body", [[], "x", 5])
def test_a_body_that_is_no_object_is_refused(program, sample, body):
    answer = program.generic(
        "PATCH", "/api/settings/sample", json.dumps(body), content_type="application/json"
    )
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Send an object: names of settings and their new values."


def test_what_the_environment_fixes_is_locked_by_name(program, sample, monkeypatch):
    monkeypatch.setenv("SAMPLE_KEY", SECRET)
    answer = program.get("/api/settings/sample")
    assert SECRET not in answer.content.decode()
    key = by_name(answer)["key"]
    assert (key["value"], key["locked_by"], key["set_at"]) == (MASK, "SAMPLE_KEY", None)
    for body in ({"key": "mine"}, {"clear_key": True}):
        (words,) = refused(program, body)["key"]
        assert words == "This is fixed by the environment variable SAMPLE_KEY: change it there."


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", ""), ("patch", ""), ("post", "/test")],
)
def test_a_section_that_is_not_there_is_not_found(program, method, path):
    answer = getattr(program, method)(f"/api/settings/nothing-like-this{path}", {})
    assert answer.status_code == 404
    assert answer.json()["detail"] == "There are no settings of this name."


def test_a_test_answers_in_words(program, world, sample):
    answer = program.post("/api/settings/sample/test")
    assert answer.json() == {"ok": True, "message": f"{world.platform_admin.email} finds here."}
    patch(program, {"place": "nowhere"})
    answer = program.post("/api/settings/sample/test")
    assert (answer.status_code, answer.json()) == (
        200,
        {"ok": False, "message": "Nothing is there."},
    )
    assert Entry.objects.acts().latest("id").action == "settings.test"
    assert program.post("/api/settings/models/test").status_code == 404


def test_the_eleventh_test_of_a_minute_is_refused_with_the_time_to_wait(program, admin, sample):
    use_up_tests(TEST_GROUP, admin)
    answer = program.post("/api/settings/sample/test")
    assert answer.status_code == 429
    assert answer.json()["code"] == "rate_limited"
    assert 1 <= int(answer["Retry-After"]) <= 60


def test_without_redis_a_test_is_unavailable(program, sample, settings):
    with redis_away(settings):
        answer = program.post("/api/settings/sample/test")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_a_test_mail_goes_to_the_administrators_own_address(program, world, as_user, mailoutbox):
    body = {"host": "smtp.example.org", "from_address": "restai@example.org"}
    assert patch(program, body, "mail").status_code == 403
    browser = as_user(world.platform_admin)
    answer = browser.patch("/api/settings/mail", body, content_type="application/json")
    assert answer.status_code == 200
    answer = program.post("/api/settings/mail/test", {"to": "mallory@evil.example"})
    assert answer.json()["ok"] is True
    assert [mail.to for mail in mailoutbox] == [[world.platform_admin.email]]
    assert current(MailSection).host == "smtp.example.org"


def test_the_list_costs_few_queries(program, sample, django_assert_num_queries):
    patch(program, {"count": 7, "key": SECRET, "place": "here"})
    program.get("/api/settings")  # reads the settings of sign-in after the change
    for path in ("/api/settings", "/api/settings/sample"):
        with django_assert_num_queries(2):  # key, settings
            program.get(path)
