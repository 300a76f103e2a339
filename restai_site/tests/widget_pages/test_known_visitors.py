"""Visitors whom the website knows: they go on where they were, and nobody else does."""

import time

import jwt
import pytest
from django.utils import timezone
from playwright.sync_api import expect

from inference.models import Conversation
from restai_site.tests.widget_pages.guest import tag
from restai_site.tests.world import acting
from widget.models import VisitorSession
from widget.services import renew_identity_secret

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def known(site, made, world):
    """Put the tag into the page as the website does for somebody it knows; "" for nobody."""
    _, secret = renew_identity_secret(made[0], actor=acting(world.editor))

    def put(subject, **claims):
        about = {"aud": made[0].public_id, "sub": subject, "exp": time.time() + 600, **claims}
        signed = jwt.encode(about, secret, algorithm="HS256")
        site.html = tag(site, made[1], **({"visitor": signed} if subject else {}))

    return put


def come(guest):
    one = guest()
    one.go()
    one.open()
    return one


def told(one, text):
    one.say(text)
    expect(one.answer()).to_have_text(text)
    one.settled()


def earlier(one):
    return one.page.get_by_role("button", name="Earlier chats")


def test_the_model_is_told_who_a_known_visitor_is(guest, known, provider):
    known("7", name="Ada")
    told(come(guest), "Who am I?")
    assert '"name": "Ada"' in provider.requests[-1].body["messages"][0]["content"]


def test_a_known_visitor_goes_on_where_they_were_on_another_device(guest, known):
    known("7")
    told(come(guest), "On the phone")
    second = come(guest)
    expect(second.page.locator(".said")).to_have_count(1)
    expect(second.answer()).to_have_text("On the phone")
    told(second, "At the desk")
    assert Conversation.objects.count() == 1


def test_earlier_chats_are_listed_and_gone_on_with(guest, known):
    known("7")
    first = come(guest)
    told(first, "About herons")
    first.page.get_by_role("button", name="New chat").click()
    told(first, "About storks")
    second = come(guest)
    expect(second.answer()).to_have_text("About storks")
    earlier(second).click()
    lines = second.page.get_by_role("list").get_by_role("button")
    expect(lines).to_have_count(2)
    expect(lines.nth(0)).to_be_focused()
    expect(lines.nth(0)).to_contain_text("About storks")
    expect(earlier(second)).to_have_attribute("aria-expanded", "true")
    assert second.visitor.axe() == []
    lines.nth(1).click()
    expect(second.answer()).to_have_text("About herons")
    expect(second.page.get_by_role("textbox")).to_be_focused()
    told(second, "More of them")
    assert Conversation.objects.count() == 2
    assert Conversation.objects.order_by("-updated_at")[0].messages.count() == 4


def test_the_list_goes_away_again_and_says_when_it_is_empty(guest, known):
    known("7")
    one = come(guest)
    earlier(one).click()
    expect(one.page.get_by_text("There are no earlier chats.")).to_be_visible()
    earlier(one).click()
    expect(one.page.get_by_text("How can I help?")).to_be_visible()
    expect(earlier(one)).to_have_attribute("aria-expanded", "false")


def test_who_is_not_known_has_no_list(guest, known, site):
    known("")
    one = come(guest)
    told(one, "Hello")
    expect(one.page.get_by_role("button", name="New chat")).to_be_visible()
    expect(earlier(one)).to_be_hidden()


@pytest.mark.parametrize("then", ["8", ""])
@pytest.mark.parametrize("now", ["7", ""])
def test_in_a_tab_that_somebody_else_goes_on_with_nothing_is_left(guest, known, now, then):
    """A shared computer: one signs out of the website, another comes."""
    known(now)
    one = come(guest)
    told(one, "My secret")
    known(then)
    one.go("/account")
    thread = one.page.get_by_role("region")
    expect(thread.get_by_text("How can I help?")).to_be_visible()
    stays = now == then
    expect(thread.get_by_text("My secret")).to_have_count(2 if stays else 0)
    told(one, "Another thing")
    assert Conversation.objects.count() == (1 if stays else 2)


def test_a_token_that_is_renewed_for_the_same_visitor_goes_on(guest, known):
    known("7")
    one = come(guest)
    told(one, "First")
    known("7", exp=time.time() + 900)
    one.go("/account")
    told(one, "Second")
    assert Conversation.objects.count() == 1


def test_a_session_that_is_over_is_renewed_and_a_known_visitor_goes_on(guest, known):
    known("7")
    one = come(guest)
    told(one, "First")
    VisitorSession.objects.update(expires_at=timezone.now())
    told(one, "Second")
    assert Conversation.objects.count() == 1
    expect(one.page.locator(".begins")).to_have_count(0)


def test_for_others_a_new_chat_begins_below_the_old_and_that_is_said(guest, known):
    known("")
    one = come(guest)
    told(one, "First")
    VisitorSession.objects.update(expires_at=timezone.now())
    told(one, "Second")
    expect(one.page.locator(".begins")).to_have_text("New chat")
    assert Conversation.objects.count() == 2
    told(one, "Third")
    one.go("/account")
    expect(one.page.locator(".begins + .said")).to_contain_text("Second")
    assert Conversation.objects.count() == 2
