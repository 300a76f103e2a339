"""The widget in a real browser, in pages of another website."""

import time
from contextlib import contextmanager

import jwt
import pytest
from playwright.sync_api import expect

from benchmarks.mock_provider import MockProvider
from catalog.models import LLM
from guards.models import GuardBinding
from inference.models import Conversation, InferenceLog
from projects.services import update_project
from restai_site.tests.attacks import ATTACKS
from restai_site.tests.browser import open_browser
from restai_site.tests.host_page import OPEN_SHADOW, HostPage
from restai_site.tests.loopback import loopback_port
from restai_site.tests.world import SYSTEM, acting, make_world
from teams.tests.logos import logo
from widget.delivery import script_url
from widget.models import Feedback
from widget.script import script
from widget.services import (
    create_widget,
    picture_from,
    renew_identity_secret,
    set_picture,
    update_widget,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
STRICT = (
    "default-src 'none'; script-src {server}; connect-src {server}; img-src data:; "
    "style-src 'none'; base-uri 'none'; form-action 'none'"
)


@pytest.fixture(scope="module")
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


@pytest.fixture
def world(transactional_db, provider):
    provider.requests.clear()
    world = make_world(provider.url)
    LLM.objects.filter(pk=world.llm.pk).update(litellm_model="echo")
    return world


@pytest.fixture
def site(server):
    with HostPage() as running:
        running.server = server.url
        yield running


@pytest.fixture
def made(world, site):
    """A widget that the site may use, and its key."""
    return create_widget(
        world.project, name="Help", allowed_origins=[site.origin], actor=acting(world.editor)
    )


class Guest:
    """Somebody in front of a page of the site."""

    def __init__(self, chromium, site, *, opens=True, **options):
        self.site = site
        self.visitor = open_browser(chromium, site.origin, None, **options)
        self.page = self.visitor.page
        self.requests = []
        self.page.on("request", self.note)
        if opens:
            self.page.context.add_init_script(OPEN_SHADOW)

    def note(self, request):
        self.requests.append(request.url)

    def go(self, path="/shop"):
        self.page.goto(self.site.origin + path, wait_until="load")

    def open(self):
        self.page.get_by_role("button", name="Open the chat").click()

    def say(self, text):
        self.page.get_by_role("dialog").get_by_role("textbox").first.fill(text)
        self.page.keyboard.press("Enter")

    def answer(self):
        return self.page.locator(".answer > div:first-child").last

    def settled(self):
        expect(self.page.get_by_role("button", name="Send", exact=True)).to_be_visible()

    @property
    def foreign(self):
        """Return what was asked of any other host than the page's and the server's."""
        known = (self.site.origin, self.site.server, "data:", "blob:")
        return [url for url in self.requests if not url.startswith(known)]


@pytest.fixture
def guest(chromium, site):
    guests = []

    def come(**options):
        guests.append(Guest(chromium, site, **options))
        return guests[-1]

    yield come
    for one in guests:
        one.page.context.close()
        assert one.foreign == []


def tag(site, key, path="/widget/chat.js", **attributes):
    more = "".join(f' data-{name}="{value}"' for name, value in attributes.items())
    return f'<script src="{site.server}{path}" data-widget="{key}"{more} async></script>'


@contextmanager
def no_trouble(one):
    yield
    bad = [line for line in one.visitor.troubles if not line.startswith("a request to")]
    assert bad == []


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


def test_the_tree_is_closed_to_the_page(guest, site, made):
    site.html = tag(site, made[1])
    one = guest(opens=False)
    one.go()
    one.page.wait_for_selector("[data-restai-widget]", state="attached")
    found = one.page.evaluate("document.querySelector('[data-restai-widget]').shadowRoot")
    assert found is None


def test_a_website_that_is_not_listed_shows_nothing(guest, site, made, provider):
    update_widget(made[0], {"allowed_origins": ["https://other.example"]}, actor=SYSTEM)
    site.html = tag(site, made[1])
    one = guest()
    one.go()
    one.page.wait_for_timeout(1_000)
    assert one.page.query_selector("[data-restai-widget]") is None
    assert any("widget" in line.lower() or "CORS" in line for line in one.visitor.troubles)


def test_it_works_under_a_strict_policy_and_pinned_by_its_hash(guest, site, made):
    site.policy = STRICT.format(server=site.server)
    source = f"{site.server}{script_url()}"
    site.html = (
        f'<script src="{source}" integrity="{script().integrity}" crossorigin="anonymous" '
        f'data-widget="{made[1]}" async></script>'
    )
    one = guest()
    one.go()
    one.open()
    with no_trouble(one):
        one.say("Hello **there**")
        expect(one.answer().locator("strong")).to_have_text("there")
    width = one.page.locator(".panel").bounding_box()["width"]
    assert 380 < width < 400


HOSTILE_CSS = """<style>
* { display: none !important; visibility: hidden !important; opacity: 0 !important;
    color: red !important; font-size: 50px !important; transform: rotate(45deg) !important; }
html, body { display: block !important; visibility: visible !important; opacity: 1 !important;
    transform: none !important; }
div, section, button, textarea { position: static !important; width: 3px !important; }
</style>"""


def test_styles_of_the_page_do_not_reach_in_nor_ours_out(guest, site, made):
    site.head = HOSTILE_CSS
    site.html = f'<p id="own">Own</p>{tag(site, made[1])}'
    one = guest()
    one.go()
    before = one.page.evaluate("getComputedStyle(document.getElementById('own')).fontFamily")
    one.open()
    one.say("Hello")
    expect(one.answer()).to_have_text("Hello")
    panel = one.page.locator(".panel")
    style = panel.evaluate(
        "(e) => { const s = getComputedStyle(e); return [s.fontSize, s.color]; }"
    )
    assert style == ["15px", "rgb(24, 32, 33)"]
    assert 380 < panel.bounding_box()["width"] < 400
    after = one.page.evaluate("getComputedStyle(document.getElementById('own')).fontFamily")
    assert before == after


def test_a_framework_that_wipes_the_page_does_not_take_it_away(guest, site, made):
    site.html = tag(site, made[1])
    one = guest()
    one.go()
    one.open()
    one.page.evaluate("document.body.innerHTML = '<p>New</p>'")
    one.say("Still here?")
    expect(one.answer()).to_have_text("Still here?")
    one.page.evaluate("document.body.replaceWith(document.createElement('body'))")
    expect(one.page.locator(".panel")).to_be_visible()
    one.page.evaluate("document.querySelector('[data-restai-widget]').remove()")
    expect(one.page.locator(".panel")).to_be_visible()


def test_the_chat_goes_with_the_visitor_from_page_to_page(guest, site, made, provider):
    site.html = tag(site, made[1])
    one = guest()
    one.go()
    one.open()
    one.say("First")
    expect(one.answer()).to_have_text("First")
    one.settled()
    one.go("/another")
    expect(one.page.locator(".panel")).to_be_visible()
    expect(one.page.locator(".said")).to_have_count(1)
    one.say("Second")
    expect(one.answer()).to_have_text("Second")
    said = [m["content"] for m in provider.requests[-1].body["messages"] if m["role"] == "user"]
    assert said == ["First", "Second"]
    assert Conversation.objects.count() == 1
    one.settled()
    one.page.get_by_role("button", name="New chat").click()
    expect(one.page.locator(".said")).to_have_count(0)
    one.say("Third")
    expect(one.answer()).to_have_text("Third")
    assert Conversation.objects.count() == 2


def test_an_answer_is_stopped_and_asked_for_again(guest, site, made, world):
    LLM.objects.filter(pk=world.llm.pk).update(litellm_model="slow-300")
    site.html = tag(site, made[1])
    one = guest()
    one.go()
    one.open()
    one.say("Slowly")
    expect(one.answer()).not_to_be_empty()
    one.page.get_by_role("button", name="Stop").click()
    expect(one.page.locator(".note")).to_have_text("Stopped.")
    LLM.objects.filter(pk=world.llm.pk).update(litellm_model="echo")
    one.page.get_by_role("button", name="Try again").click()
    expect(one.answer()).to_have_text("Slowly")
    expect(one.page.locator(".said")).to_have_count(1)


def test_thumbs_with_a_reason(guest, site, made):
    site.html = tag(site, made[1])
    one = guest()
    one.go()
    one.open()
    one.say("Hello")
    one.page.get_by_role("button", name="Not helpful").click()
    one.page.get_by_label("What was missing?").fill("Facts")
    one.page.keyboard.press("Enter")
    expect(one.page.get_by_label("What was missing?")).to_have_count(0)
    expect(one.page.get_by_role("status")).to_have_text("Thank you.")
    row = Feedback.objects.get()
    assert (row.is_helpful, row.reason) == (False, "Facts")


def test_the_chat_can_be_saved(guest, site, made):
    site.html = tag(site, made[1])
    one = guest()
    one.go()
    one.open()
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
    site.html = tag(site, made[1])
    one = guest()
    one.go()
    one.open()
    one.say("First")
    one.settled()
    update_widget(made[0], change, actor=SYSTEM)
    one.say("Second")
    expect(one.page.locator(".note.bad")).to_contain_text(words)


def test_a_blocked_question_and_a_page_that_is_offline(guest, site, made, world):
    GuardBinding.objects.create(
        project=world.project, detector="patterns", configuration={"words": ["nougat"]}, name="No"
    )
    site.html = tag(site, made[1])
    one = guest()
    one.go()
    one.open()
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
    site.html = tag(site, made[1])
    one = guest()
    one.go()
    one.open()
    for text in ("One", "Two"):
        one.say(text)
        expect(one.answer()).to_have_text(text)
        one.settled()
    sent = [m["content"] for m in provider.requests[-1].body["messages"] if m["role"] != "system"]
    assert sent == ["One", "One", "Two"]
    assert Conversation.objects.count() == 0


def test_a_known_visitor(guest, site, made, world, provider):
    _, secret = renew_identity_secret(made[0], actor=acting(world.editor))
    claims = {"aud": made[0].public_id, "sub": "7", "name": "Ada", "exp": time.time() + 600}
    site.html = tag(site, made[1], visitor=jwt.encode(claims, secret, algorithm="HS256"))
    one = guest()
    one.go()
    one.open()
    one.say("Who am I?")
    expect(one.answer()).to_have_text("Who am I?")
    assert '"name": "Ada"' in provider.requests[-1].body["messages"][0]["content"]


def test_a_known_visitor_goes_on_where_they_were_on_another_device(guest, site, made, world):
    _, secret = renew_identity_secret(made[0], actor=acting(world.editor))
    claims = {"aud": made[0].public_id, "sub": "7", "exp": time.time() + 600}
    site.html = tag(site, made[1], visitor=jwt.encode(claims, secret, algorithm="HS256"))
    first = guest()
    first.go()
    first.open()
    first.say("On the **phone**")
    first.settled()
    second = guest()
    second.go()
    second.open()
    expect(second.page.locator(".said")).to_have_count(1)
    expect(second.answer()).to_have_text("On the phone")
    second.say("At the desk")
    expect(second.answer()).to_have_text("At the desk")
    assert Conversation.objects.count() == 1


def test_the_preview_follows_the_form_and_asks_no_model(visit, made, world, provider):
    visitor = visit(world.editor)
    visitor.page.context.add_init_script(OPEN_SHADOW)
    visitor.go(f"/projects/{world.project.pk}/widgets/{made[0].pk}")
    inside = visitor.page.frame_locator("[data-preview-frame]")
    expect(inside.get_by_role("heading")).to_have_text("Private")
    visitor.page.fill("[name=title]", "<i>Ask us</i>")
    expect(inside.get_by_role("heading")).to_have_text("<i>Ask us</i>")
    inside.get_by_role("textbox").fill("Hello")
    inside.get_by_role("textbox").press("Enter")
    expect(inside.locator(".answer strong")).to_have_text("bold")
    assert provider.requests == []
    made[0].refresh_from_db()
    assert made[0].title == ""


def test_the_page_of_a_new_key_shows_the_tag_once(visit, world, site):
    visitor = visit(world.editor)
    page = visitor.page
    visitor.go(f"/projects/{world.project.pk}/widgets")
    page.fill("[name=name]", "Shop")
    page.fill("[name=allowed_origins]", site.origin)
    page.get_by_role("button", name="Make widget").click()
    snippet = page.inner_text("#snippet")
    assert snippet.startswith(f'<script src="{visitor.address}/widget/chat.js" data-widget="wk_')
    assert "integrity=" in page.inner_text("#pinned")
    assert visitor.axe() == []
    page.click("text=I have saved it")
    key = snippet.split('"')[3]
    assert key not in page.content()
    assert visitor.axe() == []


def test_a_picture_is_drawn_where_the_page_allows_no_image(guest, site, made):
    set_picture(made[0], picture_from(logo(ink=(200, 0, 0), ground=(200, 0, 0, 255))), actor=SYSTEM)
    site.policy = STRICT.format(server=site.server)
    site.html = tag(site, made[1])
    one = guest()
    one.go()
    one.open()
    canvas = one.page.locator(".avatar canvas")
    expect(canvas).to_be_visible()
    middle = canvas.evaluate("(one) => [...one.getContext('2d').getImageData(36, 36, 1, 1).data]")
    assert middle == [200, 0, 0, 255]


def test_who_wants_less_motion_has_none(guest, site, made):
    site.html = tag(site, made[1])
    one = guest()
    one.page.emulate_media(reduced_motion="reduce")
    one.go()
    one.open()
    moving = one.page.locator(".panel").evaluate("(one) => one.getAnimations().length")
    assert moving == 0


def test_a_busy_widget_has_the_browser_work(guest, site, made):
    update_widget(made[0], {"challenge": "always"}, actor=SYSTEM)
    site.html = tag(site, made[1])
    one = guest()
    one.go()
    one.open()
    one.say("Worked")
    expect(one.answer()).to_have_text("Worked")


def test_the_frame_is_for_listed_websites_alone(guest, site, made):
    widget, key = made
    address = f"{site.server}/widget/{widget.public_id}/frame#{key}"
    site.html = f'<iframe src="{address}" width="400" height="600"></iframe>'
    one = guest()
    one.go()
    inside = one.page.frame_locator("iframe")
    inside.get_by_role("textbox").fill("In a frame")
    inside.get_by_role("textbox").press("Enter")
    expect(inside.locator(".answer > div:first-child").last).to_have_text("In a frame")
    update_widget(widget, {"allowed_origins": []}, actor=SYSTEM)
    one.go()
    one.page.wait_for_timeout(500)
    expect(one.page.frame_locator("iframe").locator(".panel")).to_have_count(0)


def test_attributes_change_looks_and_no_limits(guest, site, made):
    update_widget(made[0], {"message_length": 20}, actor=SYSTEM)
    attributes = {
        "title": "<b>Ask</b>",
        "position": "left",
        "theme": "dark",
        "language": "de",
        "message_length": "100000",
        "base": "https://evil.example",
        "turns": "9999",
    }
    site.html = tag(site, made[1], **attributes)
    one = guest()
    one.go()
    one.page.get_by_role("button", name="Chat öffnen").click()
    expect(one.page.get_by_role("heading")).to_have_text("<b>Ask</b>")
    assert one.page.locator(".panel").bounding_box()["x"] == 20
    assert one.page.get_by_role("textbox").get_attribute("maxlength") == "20"
    assert one.page.locator(".root.dark").count() == 1


def test_keyboard_and_focus(guest, site, made):
    site.html = f"<a href='#x' id='before'>Before</a>{tag(site, made[1])}"
    one = guest()
    one.go()
    one.page.get_by_role("button", name="Open the chat").focus()
    one.page.keyboard.press("Enter")
    focused = "document.querySelector('[data-restai-widget]').shadowRoot.activeElement.tagName"
    assert one.page.evaluate(focused) == "TEXTAREA"
    one.page.keyboard.type("Typed")
    one.page.keyboard.press("Enter")
    expect(one.answer()).to_have_text("Typed")
    one.settled()
    one.page.keyboard.press("Escape")
    expect(one.page.locator(".panel")).to_be_hidden()
    assert one.page.evaluate(focused) == "BUTTON"


def test_on_a_phone_it_fills_the_screen_and_keeps_the_focus(guest, site, made):
    site.html = f"<a href='#x'>Elsewhere</a>{tag(site, made[1])}"
    one = guest(width=390)
    one.go()
    one.open()
    one.page.locator(".panel").evaluate(
        "(one) => Promise.all(one.getAnimations().map((a) => a.finished))"
    )
    box = one.page.locator(".panel").bounding_box()
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 800)
    for _ in range(8):
        one.page.keyboard.press("Tab")
        inside = "document.activeElement === document.querySelector('[data-restai-widget]')"
        assert one.page.evaluate(inside)


def test_right_to_left(guest, site, made):
    site.html = tag(site, made[1], language="ar")
    one = guest()
    one.go()
    one.page.get_by_role("button", name="فتح المحادثة").click()
    assert one.page.locator(".root").get_attribute("dir") == "rtl"
    assert one.visitor.axe() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_violation(guest, site, made, world, scheme, width):
    update_widget(
        made[0],
        {
            "accent": "#ffd400",
            "subtitle": "We answer at once",
            "starters": ["Where is my order?"],
            "privacy_note": "Do not write down passwords.",
            "privacy_url": "https://example.org/privacy",
        },
        actor=SYSTEM,
    )
    site.html = f"<main><h1>Shop</h1></main>{tag(site, made[1])}"
    one = guest(width=width, scheme=scheme)
    one.go()
    one.page.get_by_role("button", name="Open the chat").wait_for()
    assert one.visitor.axe() == []
    one.open()
    assert one.visitor.axe() == []
    one.page.get_by_role("button", name="Where is my order?").click()
    one.settled()
    one.say("A [link](https://example.org), `code`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> said")
    one.settled()
    one.page.get_by_role("button", name="Not helpful").last.click()
    assert one.visitor.axe() == []


def test_an_answer_of_attacks_streamed_by_the_byte_does_nothing(guest, site, made, world):
    LLM.objects.filter(pk=world.llm.pk).update(litellm_model="told-1")
    update_widget(made[0], {"message_length": 20_000, "visitor_per_minute": 60}, actor=SYSTEM)
    site.html = tag(site, made[1])
    one = guest()
    one.go()
    one.open()
    texts = [text for text in ATTACKS if len(text) < 200]
    for start in range(0, len(texts), 30):
        one.say("SAY " + "\n\n".join(texts[start : start + 30]))
        one.settled()
    assert one.page.title() == "Shop"
    assert one.page.locator(".answer img, .answer script, .answer iframe, .answer svg").count() == 0
    assert one.page.locator("[data-restai-widget]").count() == 1
