"""The API of widgets: for editors, with keys that are shown once."""

from base64 import b64decode

import pytest

from accounts.models import ApiKey
from restai_site.tests.world import acting
from teams.tests.logos import REFUSED, SCRIPT, in_base64, with_script
from widget.models import Widget
from widget.tests.conftest import SITE, Page

JSON = "application/json"


@pytest.fixture
def path(world):
    return f"/api/projects/{world.project.pk}/widgets"


def test_a_widget_is_made_changed_used_and_deleted(world, as_user, path):
    browser = as_user(world.editor)
    body = {"name": "Help", "allowed_origins": [SITE], "title": "Ask", "turns": 5}
    made = browser.post(path, body, JSON)
    assert made.status_code == 201, made.content
    assert made["Cache-Control"] == "no-store"
    said = made.json()
    widget = Widget.objects.get(pk=said["id"])
    assert (widget.title, widget.turns, widget.allowed_origins) == ("Ask", 5, [SITE])
    assert Page(widget, said["key"]).ask("config").json()["title"] == "Ask"
    one = f"{path}/{widget.pk}"
    assert "key" not in browser.get(one).json()
    changed = browser.patch(one, {"is_paused": True, "starters": ["One?"]}, JSON).json()
    assert (changed["is_paused"], changed["starters"]) == (True, ["One?"])
    renewed = browser.post(f"{one}/key", {"overlap_hours": 0}, JSON).json()
    assert renewed["key"] != said["key"]
    secret = browser.post(f"{one}/identity").json()["secret"]
    assert secret.startswith("ws_")
    assert secret not in browser.get(one).content.decode()
    assert browser.delete(one).status_code == 204
    assert ApiKey.objects.get(scope="widget").revoked_at is not None


def test_a_picture_is_taken_written_anew_and_taken_away(world, as_user, path):
    browser = as_user(world.editor)
    sent = {"name": "Help", "allowed_origins": [SITE], "picture": in_base64(with_script())}
    said = browser.post(path, sent, JSON).json()
    assert (said["has_picture"], "picture" in said) == (True, False)
    widget = Widget.objects.get(pk=said["id"])
    drawn = b64decode(Page(widget, said["key"]).ask("config").json()["picture"])
    assert drawn == bytes(widget.picture)
    assert drawn.startswith(b"\x89PNG")
    assert SCRIPT not in drawn
    one = f"{path}/{widget.pk}"
    assert browser.patch(one, {"title": "Ask"}, JSON).json()["has_picture"] is True
    assert browser.patch(one, {"picture": None}, JSON).json()["has_picture"] is False


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_is_refused_and_makes_no_widget(world, as_user, path, name):
    sent = {"name": "Help", "picture": in_base64(REFUSED[name])}
    answer = as_user(world.editor).post(path, sent, JSON)
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"picture"})
    assert not Widget.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"allowed_origins": ["*"]},
        {"allowed_origins": ["https://*"]},
        {"allowed_origins": "https://a.example"},
        {"accent": "red;}body{display:none}"},
        {"accent": "#fff"},
        {"position": "middle"},
        {"privacy_url": "javascript:alert(1)"},
        {"starters": ["x"] * 5},
        {"turns": 0},
        {"message_length": 10**9},
        {"language": "xx"},
        {"avatar": "x" * 9},
        {"title": "x" * 61},
        {"name": ""},
    ],
)
def test_what_makes_no_sense_is_refused(world, as_user, path, values):
    browser = as_user(world.editor)
    made = browser.post(path, {"name": "Help"}, JSON).json()
    answer = browser.patch(f"{path}/{made['id']}", values, JSON)
    assert answer.status_code == 400, answer.content


@pytest.mark.parametrize("field", ["public_id", "key", "identity_secret", "project"])
def test_what_is_not_for_writing_is_not_written(world, as_user, path, field):
    browser = as_user(world.editor)
    made = browser.post(path, {"name": "Help"}, JSON).json()
    browser.patch(f"{path}/{made['id']}", {field: "x" * 16, "title": "T"}, JSON)
    row = Widget.objects.get(pk=made["id"])
    assert str(getattr(row, field)) != "x" * 16


def test_keys_make_no_keys(world, api_as, path):
    program = api_as(world.editor)
    assert program.post(path, {"name": "Help"}).status_code == 403
    assert ApiKey.objects.filter(scope="widget").count() == 0


@pytest.mark.parametrize("name", ["viewer", "member", "outsider", "outsider_admin"])
def test_others_see_and_change_nothing(world, as_user, page, path, name):
    browser = as_user(getattr(world, name))
    for method, at in (("get", ""), ("post", ""), ("get", "x"), ("patch", "x"), ("delete", "x")):
        where = f"{path}/{page.widget.pk}" if at else path
        answer = getattr(browser, method)(where, {"name": "x"}, JSON)
        assert answer.status_code in {403, 404}, (method, where)


def test_nobody_chooses_the_scope_of_widgets_for_a_key_of_their_own(world, as_user):
    answer = as_user(world.editor).post("/api/keys", {"name": "x", "scope": "widget"}, JSON)
    assert answer.status_code == 400


def test_the_key_of_a_widget_is_renewed_at_its_widget_alone(world, as_user, page):
    browser = as_user(world.editor)
    answer = browser.post(f"/api/keys/{page.widget.key_id}/rotate", {"overlap_minutes": 0}, JSON)
    assert answer.status_code == 409
    assert page.ask("config").status_code == 200


def test_a_list_of_widgets_costs_the_same_however_many_there_are(
    world, as_user, path, django_assert_max_num_queries
):
    from widget.services import create_widget

    browser = as_user(world.editor)
    for number in range(6):
        create_widget(world.project, name=f"Number {number}", actor=acting(world.editor))
    with django_assert_max_num_queries(12):
        assert len(browser.get(path).json()["results"]) == 6
    with django_assert_max_num_queries(22):
        assert browser.get(path.removeprefix("/api")).status_code == 200
