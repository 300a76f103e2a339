"""The widget in a real browser, in pages of another website: what is said and answered."""

import pytest
from playwright.sync_api import expect

from catalog.models import LLM
from guards.models import GuardBinding
from inference.models import Conversation, InferenceLog, Message
from projects.services import update_project
from restai_site.tests.attacks import ATTACKS
from restai_site.tests.waiting import eventually
from restai_site.tests.widget_pages.guest import at_the_chat, no_trouble, tag
from restai_site.tests.world import SYSTEM
from widget.models import Feedback
from widget.services import (
    update_widget,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_visitor_asks_and_is_answered(guest, site, made):
    site.html = tag(site, made[1])
    one = guest()
    one.go("/shop/shoes?who=ada#top")
    one.open()
    with no_trouble(one):
        one.say("Tell me about **herons**")
        expect(one.answer()).to_have_text("Tell me about herons")
        one.settled()
    log = InferenceLog.objects.get()
    assert (log.surface, log.page) == ("widget", "/shop/shoes")
    assert one.page.context.cookies() == []
    # One global, and no trace in the page but the one element.
    assert one.page.evaluate("Object.keys(window).filter((name) => /restai/i.test(name))") == []
    assert one.page.evaluate("typeof window.RESTaiWidget.open") == "function"
    assert one.page.evaluate("Object.isFrozen(window.RESTaiWidget)")


def test_a_website_that_is_not_listed_shows_nothing(guest, site, made, provider):
    update_widget(made[0], {"allowed_origins": ["https://other.example"]}, actor=SYSTEM)
    site.html = tag(site, made[1])
    one = guest()
    one.go()
    one.page.wait_for_timeout(1_000)
    assert one.page.query_selector("[data-restai-widget]") is None
    assert any("widget" in line.lower() or "CORS" in line for line in one.visitor.troubles)


def test_the_chat_goes_with_the_visitor_from_page_to_page(guest, site, made, provider):
    one = at_the_chat(guest, site, made[1])
    one.say("First")
    expect(one.answer()).to_have_text("First")
    one.settled()
    one.go("/another")
    expect(one.page.locator(".panel")).to_be_visible()
    expect(one.page.locator(".said")).to_have_count(1)
    one.say("Second")
    expect(one.answer()).to_have_text("Second")
    assert questions(provider) == ["First", "Second"]
    assert Conversation.objects.count() == 1
    one.settled()
    one.page.get_by_role("button", name="New chat").click()
    expect(one.page.locator(".said")).to_have_count(0)
    one.say("Third")
    expect(one.answer()).to_have_text("Third")
    assert Conversation.objects.count() == 2


def questions(provider) -> list[str]:
    """Return what the model was last told that the visitor has asked."""
    said = provider.requests[-1].body["messages"]
    return [one["content"] for one in said if one["role"] == "user"]


def in_the_midst(guest, site, made, world):
    """Return somebody of whose answer a part is there."""
    LLM.objects.filter(pk=world.llm.pk).update(litellm_model="slow-300")
    one = at_the_chat(guest, site, made[1])
    one.say("Slowly")
    expect(one.answer()).not_to_be_empty()
    return one


def tries_again(one, world):
    eventually(Message.objects.filter(role="assistant").exists, seconds=20)
    LLM.objects.filter(pk=world.llm.pk).update(litellm_model="echo")
    one.page.get_by_role("button", name="Try again").click()
    expect(one.answer()).to_have_text("Slowly")
    expect(one.page.locator(".said")).to_have_count(1)


def test_an_answer_is_stopped_and_asked_for_again(guest, site, made, world, provider):
    one = in_the_midst(guest, site, made, world)
    one.page.get_by_role("button", name="Stop").click()
    expect(one.page.locator(".note")).to_have_text("Stopped.")
    tries_again(one, world)
    # It was asked once, and the answer that was stopped is not part of what was said.
    assert questions(provider) == ["Slowly"]
    assert Message.objects.filter(role="user").count() == 1


def test_an_answer_that_its_page_left_is_told_as_stopped_on_the_next(guest, site, made, world):
    one = in_the_midst(guest, site, made, world)
    one.go("/another")
    expect(one.page.locator(".note")).to_have_text("Stopped.")
    expect(one.answer()).not_to_be_empty()
    tries_again(one, world)


def test_a_page_that_comes_back_as_it_was_knows_what_was_said_on_the_next(guest, site, made):
    one = at_the_chat(guest, site, made[1])
    one.say("First")
    expect(one.answer()).to_have_text("First")
    one.settled()
    # As if the next page had been left, and this one kept in memory meanwhile.
    one.page.evaluate(
        """() => {
            const name = Object.keys(sessionStorage)[0];
            const kept = JSON.parse(sessionStorage.getItem(name));
            kept.turns.push({ role: "user", text: "Second" });
            kept.turns.push({ role: "assistant", text: "There", state: "done" });
            sessionStorage.setItem(name, JSON.stringify(kept));
            dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
        }"""
    )
    expect(one.page.locator(".said")).to_have_count(2)
    expect(one.answer()).to_have_text("There")


def test_a_project_that_ceases_to_keep_what_is_said_and_begins_again(guest, site, made, world):
    one = at_the_chat(guest, site, made[1])
    for text, logging in (("First", "off"), ("Second", "full"), ("Third", "full")):
        one.say(text)
        expect(one.answer()).to_have_text(text)
        one.settled()
        update_project(world.project, {"inference_logging": logging}, actor=SYSTEM)
    assert one.page.locator(".note").count() == 0


def test_thumbs_with_a_reason(guest, site, made):
    one = at_the_chat(guest, site, made[1])
    one.say("Hello")
    one.page.get_by_role("button", name="Not helpful").click()
    one.page.get_by_label("What was missing?").fill("Facts")
    one.page.keyboard.press("Enter")
    expect(one.page.get_by_label("What was missing?")).to_have_count(0)
    expect(one.page.get_by_role("status")).to_have_text("Thank you.")
    row = Feedback.objects.get()
    assert (row.is_helpful, row.reason) == (False, "Facts")


def test_the_chat_can_be_saved(guest, site, made):
    one = at_the_chat(guest, site, made[1])
    one.say("Keep this")
    one.settled()
    with one.page.expect_download() as download:
        one.page.get_by_role("button", name="Save the chat").click()
    text = download.value.path().read_text(encoding="utf-8")
    assert "Keep this" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"is_paused": True}, "This chat is taking a break. Come back a little later."),
        ({"visitor_per_minute": 1}, "That was a little fast."),
        ({"messages_per_day": 1}, "This chat has answered as much as it may for now."),
        ({"turns": 1}, "This chat has become long. Begin a new one."),
    ],
)
def test_what_is_in_the_way_is_said_calmly(guest, site, made, change, words):
    one = at_the_chat(guest, site, made[1])
    one.say("First")
    one.settled()
    update_widget(made[0], change, actor=SYSTEM)
    one.say("Second")
    expect(one.page.locator(".note.bad")).to_contain_text(words)


def test_a_blocked_question_and_a_page_that_is_offline(guest, site, made, world):
    GuardBinding.objects.create(
        project=world.project, detector="patterns", configuration={"words": ["nougat"]}, name="No"
    )
    one = at_the_chat(guest, site, made[1])
    one.say("Do you have nougat?")
    expect(one.page.locator(".note")).to_contain_text("withheld by a guard")
    one.page.context.set_offline(True)
    one.say("Hello?")
    expect(one.page.locator(".note.bad")).to_contain_text("You seem to be offline.")
    one.page.context.set_offline(False)
    one.page.get_by_role("button", name="Try again").click()
    expect(one.answer()).to_have_text("Hello?")


def test_where_nothing_is_kept_the_page_remembers(guest, site, made, world, provider):
    update_project(world.project, {"inference_logging": "off"}, actor=SYSTEM)
    one = at_the_chat(guest, site, made[1])
    for text in ("One", "Two"):
        one.say(text)
        expect(one.answer()).to_have_text(text)
        one.settled()
    sent = [m["content"] for m in provider.requests[-1].body["messages"] if m["role"] != "system"]
    assert sent == ["One", "One", "Two"]
    assert Conversation.objects.count() == 0


def test_a_busy_widget_has_the_browser_work(guest, site, made):
    update_widget(made[0], {"challenge": "always"}, actor=SYSTEM)
    one = at_the_chat(guest, site, made[1])
    one.say("Worked")
    expect(one.answer()).to_have_text("Worked")


def test_an_answer_of_attacks_streamed_by_the_byte_does_nothing(guest, site, made, world):
    LLM.objects.filter(pk=world.llm.pk).update(litellm_model="told-1")
    update_widget(made[0], {"message_length": 20_000, "visitor_per_minute": 60}, actor=SYSTEM)
    one = at_the_chat(guest, site, made[1])
    texts = [text for text in ATTACKS if len(text) < 200]
    for start in range(0, len(texts), 30):
        one.say("SAY " + "\n\n".join(texts[start : start + 30]))
        one.settled()
    assert one.page.title() == "Shop"
    assert one.page.locator(".answer img, .answer script, .answer iframe, .answer svg").count() == 0
    assert one.page.locator("[data-restai-widget]").count() == 1
