"""Proof of work: done once for each session, for this widget, and in time."""

import hashlib
from itertools import count

import pytest
from django.core.cache import cache

from restai_site.tests.world import SYSTEM, acting
from widget import challenge, limits
from widget.models import Widget
from widget.services import create_widget, update_widget
from widget.tests.conftest import SITE, Page


@pytest.fixture(autouse=True)
def _easy(monkeypatch):
    monkeypatch.setattr(challenge, "BITS", 8)
    cache.clear()


@pytest.fixture
def guarded(page):
    update_widget(page.widget, {"challenge": "always"}, actor=SYSTEM)
    return page


def solved(text, bits=8):
    for number in map(str, count()):
        digest = hashlib.sha256(f"{text}{number}".encode()).digest()
        if int.from_bytes(digest[:4], "big") >> (32 - bits) == 0:
            return number
    return ""


def asked(page):
    answer = page.ask("session")
    assert (answer.status_code, answer.json()["code"]) == (403, "challenge")
    assert answer.json()["bits"] == "8"
    return answer.json()["challenge"]


def test_whoever_does_the_work_comes_in(guarded):
    text = asked(guarded)
    assert guarded.begin(challenge=text, work=solved(text))["token"]


def test_work_is_taken_once(guarded):
    text = asked(guarded)
    body = {"challenge": text, "work": solved(text)}
    guarded.begin(**body)
    assert guarded.ask("session", body).status_code == 403


def test_work_that_was_not_done_is_refused(guarded):
    text = asked(guarded)
    wrong = next(n for n in map(str, count()) if not challenge.is_solved(guarded.widget, text, n))
    for work in (wrong, "", "x" * 21):
        assert guarded.ask("session", {"challenge": text, "work": work}).status_code == 403


def test_nobody_sets_themselves_the_task(guarded, world):
    own = f"{guarded.widget.public_id}.x:1:abc"
    assert guarded.ask("session", {"challenge": own, "work": solved(own)}).status_code == 403
    other, key = create_widget(
        world.project, name="Other", allowed_origins=[SITE], actor=acting(world.editor)
    )
    update_widget(other, {"challenge": "always"}, actor=SYSTEM)
    text = asked(Page(other, key))
    assert guarded.ask("session", {"challenge": text, "work": solved(text)}).status_code == 403


def test_it_is_for_a_moment(guarded, monkeypatch):
    text = asked(guarded)
    monkeypatch.setattr(challenge, "LIFETIME_SECONDS", -1)
    assert guarded.ask("session", {"challenge": text, "work": solved(text)}).status_code == 403


def test_under_load_it_is_asked_for_and_before_that_not(page, monkeypatch):
    monkeypatch.setattr(limits, "LOAD", 2)
    page.begin()
    page.begin()
    text = asked(page)
    assert page.begin(challenge=text, work=solved(text))


def test_switched_off_it_is_never_asked_for(page, monkeypatch):
    monkeypatch.setattr(limits, "LOAD", 0)
    update_widget(page.widget, {"challenge": Widget.Challenge.OFF}, actor=SYSTEM)
    assert page.begin()
