"""How the widget looks and behaves in pages of another website, whatever they do to it."""

import pytest
from playwright.sync_api import expect

from restai_site.tests.host_page import OPEN_SHADOW
from restai_site.tests.widget_pages.guest import at_the_chat, no_trouble, tag
from restai_site.tests.world import SYSTEM
from teams.tests.logos import logo
from widget.delivery import script_url
from widget.script import script
from widget.services import (
    picture_from,
    set_picture,
    update_widget,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
STRICT = (
    "default-src 'none'; script-src {server}; connect-src {server}; img-src data:; "
    "style-src 'none'; base-uri 'none'; form-action 'none'"
)


def test_the_tree_is_closed_to_the_page(guest, site, made):
    site.html = tag(site, made[1])
    one = guest(opens=False)
    one.go()
    one.page.wait_for_selector("[data-restai-widget]", state="attached")
    found = one.page.evaluate("document.querySelector('[data-restai-widget]').shadowRoot")
    assert found is None


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
    one = at_the_chat(guest, site, made[1])
    one.page.evaluate("document.body.innerHTML = '<p>New</p>'")
    one.say("Still here?")
    expect(one.answer()).to_have_text("Still here?")
    one.page.evaluate("document.body.replaceWith(document.createElement('body'))")
    expect(one.page.locator(".panel")).to_be_visible()
    one.page.evaluate("document.querySelector('[data-restai-widget]').remove()")
    expect(one.page.locator(".panel")).to_be_visible()


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
    one = at_the_chat(guest, site, made[1])
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
