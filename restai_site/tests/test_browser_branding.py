"""The branding of a team as people see it: in any two colours the pages can be read and used."""

import re

import pytest
from playwright.sync_api import expect

from restai_site.tests.world import SYSTEM, make_world
from teams.branding import logo_from, save_branding
from teams.colours import contrast
from teams.models import Branding
from teams.services import add_member
from teams.tests.logos import LIGHT, logo, with_script

pytestmark = [pytest.mark.slow, pytest.mark.browser]
COLOURS = {"pale": ("#fff3b0", "#ffd6e0"), "dark": ("#14142b", "#3d0c11")}
SCHEMES = ("light", "dark")
RGB = re.compile(r"rgb\((\d+), (\d+), (\d+)\)")


def branded(world, name):
    primary, secondary = COLOURS[name]
    values = {
        "app_name": "Harbour",
        "primary": primary,
        "secondary": secondary,
        "welcome_message": "Welcome aboard.\nMind the gap.",
        "logo": logo_from(logo(LIGHT)),
    }
    return save_branding(world.alpha, values, actor=SYSTEM)


def open_branding(somebody, world):
    """Open the page and wait until its preview has asked the server."""
    somebody.go(f"/teams/{world.alpha.pk}/branding")
    preview = somebody.page.locator("[data-preview]").last
    expect(preview).to_have_attribute("style", re.compile("--brand-primary"))


def colour(page, selector, which):
    """Return a computed colour of an element as #rrggbb."""
    script = f"element => getComputedStyle(element)[{which!r}]"
    found = RGB.fullmatch(page.locator(selector).first.evaluate(script))
    assert found, (selector, which)
    return "#{:02x}{:02x}{:02x}".format(*map(int, found.groups()))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", COLOURS)
def test_pages_in_these_colours_can_be_read(visit, name, scheme):
    world = make_world()
    branding = branded(world, name)
    somebody = visit(world.team_admin, scheme=scheme)
    for path in (
        "/",
        "/projects",
        f"/teams/{world.alpha.pk}/settings",
        f"/projects/{world.project.pk}/chat",
    ):
        somebody.go(path)
        assert somebody.axe() == [], path
    open_branding(somebody, world)
    assert somebody.axe() == []
    button = "form[data-branding] button[type=submit]"
    assert colour(somebody.page, button, "backgroundColor") == COLOURS[name][0]
    pair = [colour(somebody.page, button, which) for which in ("color", "backgroundColor")]
    assert contrast(*pair) >= 4.5
    nobody = visit(None, scheme=scheme)
    nobody.go(f"/t/{branding.public_slug}")
    assert nobody.axe() == []
    assert colour(nobody.page, "form .btn-primary", "backgroundColor") == COLOURS[name][0]
    expect(nobody.page.locator("body")).to_contain_text("Welcome aboard.")


def test_the_page_fits_a_telephone(visit):
    world = make_world()
    branded(world, "pale")
    somebody = visit(world.team_admin, width=390)
    open_branding(somebody, world)
    assert somebody.overflow() <= 0
    assert somebody.axe() == []


def test_the_preview_shows_what_is_typed_and_saving_makes_it_so(visit):
    world = make_world()
    somebody = visit(world.team_admin)
    page = somebody.page
    open_branding(somebody, world)
    page.fill("[name=app_name]", "<b>Harbour</b>")
    page.fill("[name=welcome_message]", "Ahoy\nthere")
    page.fill("[name=primary]", "#FF0000")
    shown = page.locator("[data-preview]")
    expect(shown).to_have_count(2)
    for at in range(2):
        expect(shown.nth(at).locator("[data-preview-name]")).to_have_text("<b>Harbour</b>")
        expect(shown.nth(at).locator("[data-preview-welcome]")).to_have_text("Ahoy\nthere")
        button = shown.nth(at).locator(".preview-button")
        expect(button).to_have_css("background-color", "rgb(255, 0, 0)")
    expect(page.locator("[data-notes=primary] li")).not_to_have_count(0)
    file = {"name": "logo.png", "mimeType": "image/png", "buffer": with_script()}
    page.set_input_files("[name=logo]", files=[file])
    expect(shown.first.locator("[data-preview-logo]")).to_be_visible()
    assert somebody.axe() == []
    assert not Branding.objects.exists()
    page.click("text=Save branding")
    expect(page.locator(".toast-note")).to_contain_text("The branding is saved.")
    expect(page.locator(".sidebar-head")).to_contain_text("<b>Harbour</b>")
    expect(page.locator("[data-preview]").last).to_have_attribute("style", re.compile("#ff0000"))
    loaded = page.locator(".sidebar img.logo").evaluate("image => image.naturalWidth")
    assert loaded == 64
    assert Branding.objects.get().primary == "#ff0000"


def test_a_colour_is_picked_beside_its_field(visit):
    world = make_world()
    page = (somebody := visit(world.team_admin)).page
    open_branding(somebody, world)
    page.get_by_label("Pick the primary colour").fill("#123456")
    expect(page.locator("[name=primary]")).to_have_value("#123456")
    page.fill("[name=primary]", "nonsense")
    page.fill("[name=primary]", "#654321")
    expect(page.get_by_label("Pick the primary colour")).to_have_value("#654321")
    expect(page.locator(".preview-button").first).to_have_css(
        "background-color", "rgb(101, 67, 33)"
    )


def test_the_switcher_works_by_keyboard_and_the_choice_stays(visit):
    world = make_world()
    add_member(world.beta, world.team_admin, actor=SYSTEM)
    branded(world, "dark")
    somebody = visit(world.team_admin)
    page = somebody.page
    somebody.go("/teams")
    expect(page.locator(".sidebar-head")).to_contain_text("RESTai")
    page.focus(".team-button")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#team-menu button:focus")).to_have_text("Alpha")
    assert somebody.axe() == []
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/projects\?team={world.alpha.pk}$"))
    for path in ("/profile", "/teams", f"/teams/{world.beta.pk}"):
        page.goto(somebody.address + path)
        expect(page.locator(".sidebar-head")).to_contain_text("Harbour")
        expect(page.locator(".team-button")).to_contain_text("Alpha")
