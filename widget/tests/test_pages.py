"""The pages of widgets: for editors, with a key and a secret that are shown once."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from audit.models import Entry
from metering.models import Budget
from restai_site.tests.pictures import opened
from restai_site.tests.world import SYSTEM
from teams.tests.logos import logo
from widget.models import Widget
from widget.services import update_widget
from widget.tests.conftest import SITE, Page

FORM = {
    "name": "Help",
    "allowed_origins": SITE,
    "position": "left",
    "theme": "dark",
    "challenge": "off",
    "message_length": "100",
    "turns": "5",
    "visitor_per_minute": "5",
    "address_per_minute": "5",
    "messages_per_day": "50",
    "starters": "One?\r\n\r\nTwo?",
}


@pytest.fixture
def path(page):
    return f"/projects/{page.widget.project_id}/widgets/{page.widget.pk}"


@pytest.fixture
def browser(world, as_user):
    return as_user(world.editor)


def test_a_form_changes_all_of_a_widget(browser, page, path):
    answer = browser.post(path, {**FORM, "accent": "#AA0000", "daily_cap": "2.5"})
    assert answer.status_code == 302, answer.content.decode()
    row = Widget.objects.get()
    assert (row.position, row.theme, row.accent) == ("left", "dark", "#aa0000")
    assert row.starters == ["One?", "Two?"]
    cap = Budget.objects.get(api_key=row.key)
    assert (cap.period, cap.unit, str(cap.amount.normalize())) == ("day", "money", "2.5")
    assert 'value="2.5"' in browser.get(path).content.decode()
    browser.post(path, FORM)
    assert not Budget.objects.filter(api_key=row.key).exists()


@pytest.mark.parametrize(
    "values",
    [
        {"allowed_origins": "https://*"},
        {"accent": "url(//evil)"},
        {"privacy_url": "javascript:alert(1)"},
        {"turns": "0"},
        {"daily_cap": "-1"},
        {"starters": "1\n2\n3\n4\n5"},
        {"position": "above"},
    ],
)
def test_what_makes_no_sense_is_told_at_its_field_and_saves_nothing(browser, page, path, values):
    answer = browser.post(path, {**FORM, "title": "New", **values})
    assert answer.status_code == 400
    assert "field-wrong" in answer.content.decode()
    assert Widget.objects.get().title == ""


def test_of_a_form_that_is_refused_in_the_end_nothing_is_saved(browser, page, path):
    # A cap is one of the key.
    Widget.objects.update(key=None)
    answer = browser.post(path, {**FORM, "title": "New", "daily_cap": "1"})
    assert answer.status_code == 400
    assert "Make a key for this widget first." in answer.content.decode()
    assert Widget.objects.get().title == ""
    assert not Entry.objects.filter(action="widget.update").exists()


def test_a_picture_is_written_anew_and_goes_with_the_looks(browser, page, path):
    file = SimpleUploadedFile("a.png", logo(size=(900, 600)))
    assert browser.post(path, {**FORM, "picture": file}).status_code == 302
    row = Widget.objects.get()
    assert max(opened(bytes(row.picture)).size) == 72
    assert page.ask("config").json()["picture"]
    assert Entry.objects.filter(action="widget.update", changes__has_key="picture").exists()
    browser.post(path, {**FORM, "remove_picture": "on"})
    assert page.ask("config").json()["picture"] == ""


def test_a_picture_that_is_none_is_refused(browser, page, path):
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"></svg>'
    for content in (svg, b"GIF89a", b"x" * 100):
        file = SimpleUploadedFile("a.png", content, content_type="image/png")
        assert browser.post(path, {**FORM, "picture": file}).status_code == 400
    assert bytes(Widget.objects.get().picture) == b""


def test_a_key_is_shown_once_and_the_old_one_overlaps(browser, page, path):
    answer = browser.post(f"{path}/key", {"overlap_hours": "1", "lifetime": "30"})
    text = answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    new = text.split("data-widget=&quot;")[1][:46]
    assert Page(page.widget, new).ask("config").status_code == 200
    assert page.ask("config").status_code == 200
    assert Widget.objects.get().key.expires_at is not None
    assert new not in browser.get(path).content.decode()
    assert page.key not in browser.get(path).content.decode()


def test_the_page_says_why_a_widget_does_not_answer(browser, page, path):
    assert "No website may use" not in browser.get(path).content.decode()
    update_widget(page.widget, {"allowed_origins": []}, actor=SYSTEM)
    assert "No website may use" in browser.get(path).content.decode()
    update_widget(page.widget, {"is_paused": True}, actor=SYSTEM)
    assert "This widget is paused" in browser.get(path).content.decode()
    update_widget(page.widget, {"is_paused": False}, actor=SYSTEM)
    Widget.objects.update(key=None)
    assert "does not answer" in browser.get(path).content.decode()
    assert browser.post(f"{path}/key", {"overlap_hours": "0"}).status_code == 200
    assert Widget.objects.get().key is not None


def test_texts_are_written_as_texts(browser, page, path):
    evil = "</script><img src=x onerror=alert(1)>"
    update_widget(page.widget, {"title": evil, "welcome_message": evil}, actor=SYSTEM)
    for where in (path, f"{path}/preview", f"{path}/preview?title={evil}"):
        text = browser.get(where).content.decode()
        assert "<img src=x" not in text, where
    policy = browser.get(f"{path}/preview")["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy


def test_a_widget_of_another_project_is_not_there(browser, page, world):
    path = f"/projects/{world.shared_project.pk}/widgets/{page.widget.pk}"
    for where in (path, f"{path}/preview"):
        assert browser.get(where).status_code in {403, 404}
