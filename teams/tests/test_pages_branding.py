"""Pages of brandings: set by admins of a team, shown to its members and at its log-in page."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from restai_site.tests.world import SYSTEM
from teams.branding import logo_from, save_branding
from teams.models import Branding
from teams.services import add_member
from teams.tests.logos import REFUSED, SVG, logo
from teams.tests.test_branding_services import HOSTILE_COLOURS, HOSTILE_NAMES

WHOLE = {
    "app_name": "Harbour",
    "primary": "#FFF3B0",
    "secondary": "",
    "welcome_message": "Hello\r\nyou",
}


@pytest.fixture
def alpha(world):
    values = {"app_name": "Harbour", "primary": "#fff3b0", "welcome_message": "Ahoy <b>you</b>"}
    return save_branding(world.alpha, {**values, "logo": logo_from(logo())}, actor=SYSTEM)


def path_of(team, rest=""):
    return f"/teams/{team.pk}/branding{rest}"


def page_of(browser, path):
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def upload(content, name="logo.png"):
    return SimpleUploadedFile(name, content, content_type="image/png")


def test_the_page_is_for_admins_of_the_team(as_user, client, world):
    for rest in ("", "/preview"):
        path = path_of(world.alpha, rest)
        assert client.get(path).url == f"/login?next={path}"
        for user, status in (
            (world.outsider_admin, 404),
            (world.member, 403),
            (world.editor, 403),
            (world.team_admin, 200),
            (world.platform_admin, 200),
        ):
            assert as_user(user).get(path).status_code == status, (path, user)


def test_the_tab_shows_to_those_who_may_open_it(as_user, world):
    path = f"/teams/{world.alpha.pk}"
    assert path_of(world.alpha) in page_of(as_user(world.team_admin), path)
    assert path_of(world.alpha) not in page_of(as_user(world.member), path)


@pytest.mark.parametrize("rest", ["", "/reset", "/link"])
def test_others_change_nothing(as_user, world, alpha, rest):
    before = Branding.objects.values().get()
    for user, status in ((world.member, 403), (world.editor, 403), (world.outsider_admin, 404)):
        answer = as_user(user).post(path_of(world.alpha, rest), {**WHOLE, "app_name": "x"})
        assert answer.status_code == status
    assert Branding.objects.values().get() == before


def test_an_admin_saves_name_colours_welcome_and_logo(as_user, world):
    sent = {**WHOLE, "logo": upload(logo())}
    answer = as_user(world.team_admin).post(path_of(world.alpha), sent)
    assert answer.url == path_of(world.alpha)
    row = Branding.objects.get()
    assert (row.app_name, row.primary, row.welcome_message) == ("Harbour", "#fff3b0", "Hello\nyou")
    assert row.logo_hash
    assert row.logo_ink == "dark"


def test_a_logo_stays_until_another_is_sent_or_it_is_taken_away(as_user, world, alpha):
    browser = as_user(world.team_admin)
    browser.post(path_of(world.alpha), WHOLE)
    assert Branding.objects.get().logo_hash == alpha.logo_hash
    browser.post(path_of(world.alpha), {**WHOLE, "remove_logo": "on", "logo": upload(logo())})
    assert Branding.objects.get().logo_hash
    browser.post(path_of(world.alpha), {**WHOLE, "remove_logo": "on"})
    assert Branding.objects.get().logo_hash == ""
    assert b"remove_logo" not in browser.get(path_of(world.alpha)).content


@pytest.mark.parametrize("name", REFUSED.keys() - {"nothing"})
def test_what_is_no_logo_stands_beside_the_field_and_nothing_is_saved(as_user, world, name):
    # Neither the name of the file nor the kind that the browser claims matters.
    sent = {**WHOLE, "logo": upload(REFUSED[name])}
    answer = as_user(world.team_admin).post(path_of(world.alpha), sent)
    assert answer.status_code == 400
    assert set(answer.context["form"].errors) == {"logo"}
    assert not Branding.objects.exists()


def test_a_logo_of_more_than_two_megabytes_is_refused(as_user, world):
    sent = {**WHOLE, "logo": upload(logo() + bytes(2 * 1024 * 1024))}
    answer = as_user(world.team_admin).post(path_of(world.alpha), sent)
    assert "more than 2 MB" in answer.content.decode()
    assert not Branding.objects.exists()


@pytest.mark.parametrize("colour", HOSTILE_COLOURS)
def test_what_is_no_colour_is_refused_and_shown_harmlessly(as_user, world, colour):
    sent = {**WHOLE, "primary": colour}
    answer = as_user(world.team_admin).post(path_of(world.alpha), sent)
    if colour.strip() != colour:
        assert Branding.objects.get().primary == colour.strip()
        return
    assert answer.status_code == 400
    assert "primary" in answer.context["form"].errors
    assert not Branding.objects.exists()


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_with_hidden_characters_is_refused(as_user, world, name):
    sent = {**WHOLE, "app_name": name}
    answer = as_user(world.team_admin).post(path_of(world.alpha), sent)
    assert answer.status_code == 400
    assert set(answer.context["form"].errors) == {"app_name"}
    assert not Branding.objects.exists()


def test_what_people_write_is_text_on_every_page(as_user, client, world):
    evil = "<img src=x onerror=alert(1)>"
    values = {"app_name": evil, "welcome_message": evil, "primary": "#101010"}
    row = save_branding(world.alpha, values, actor=SYSTEM)
    browser = as_user(world.team_admin)
    pages = [page_of(client, f"/login?brand={row.public_slug}")]
    chat = f"/projects/{world.project.pk}/chat"
    pages += [page_of(browser, path) for path in ("/", path_of(world.alpha), chat)]
    for page in pages:
        assert "<img src=x" not in page
        assert "&lt;img src=x onerror=alert(1)&gt;" in page
        assert "style=" not in page


def test_the_form_tells_what_is_corrected(as_user, world, alpha):
    page = page_of(as_user(world.team_admin), path_of(world.alpha))
    assert "Shown darker (#7f6c00) as text in the light theme." in page


def test_the_preview_works_out_what_is_not_saved(as_user, world):
    browser = as_user(world.team_admin)
    answer = browser.get(path_of(world.alpha, "/preview"), {"primary": "#FFF3B0", "secondary": ""})
    body = answer.json()
    assert body["variables"]["--brand-primary"] == "#fff3b0"
    assert body["notes"]["primary"] == ["Shown darker (#7f6c00) as text in the light theme."]
    for colour in HOSTILE_COLOURS:
        answer = browser.get(path_of(world.alpha, "/preview"), {"primary": colour[:2000]})
        assert answer.status_code == 400
    assert not Branding.objects.exists()


def test_a_new_address_and_a_reset_are_each_one_button(as_user, client, world, alpha):
    browser = as_user(world.team_admin)
    assert f"/t/{alpha.public_slug}" in page_of(browser, path_of(world.alpha))
    assert browser.post(path_of(world.alpha, "/link")).status_code == 302
    renewed = Branding.objects.get()
    assert renewed.public_slug != alpha.public_slug
    assert browser.post(path_of(world.alpha, "/reset")).status_code == 302
    assert not Branding.objects.exists()
    assert "/t/" not in page_of(browser, path_of(world.alpha))


# --- The log-in page -----------------------------------------------------------------------------


def test_the_log_in_page_of_a_team_shows_its_branding(client, alpha):
    led = client.get(f"/t/{alpha.public_slug}")
    assert led.url == f"/login?brand={alpha.public_slug}"
    page = page_of(client, led.url)
    assert "<title>Log in · Harbour</title>" in page
    assert "Ahoy &lt;b&gt;you&lt;/b&gt;" in page
    assert alpha.logo_url in page
    assert alpha.style_url in page
    # The team itself is not named.
    assert "Alpha" not in page


@pytest.mark.parametrize(
    "slug", ["A" * 22, "alpha", "1", "", "\x00", "../../x", "<script>", "x" * 4000]
)
def test_any_other_slug_shows_the_plain_log_in_page(client, alpha, slug):
    plain = client.get("/login").context["frame"]
    answer = client.get("/login", {"brand": slug})
    assert answer.status_code == 200
    frame = answer.context["frame"]
    assert (frame.app_name, frame.brand) == (plain.app_name, None) == ("RESTai", None)
    assert b"<script>" not in answer.content


def test_a_wrong_password_stays_in_the_branding(client, alpha):
    path = f"/login?brand={alpha.public_slug}"
    assert f'action="{path}"' in page_of(client, path)
    answer = client.post(path, {"email": "nobody@example.org", "password": "wrong"})
    assert answer.status_code == 400
    assert "Harbour" in answer.content.decode()
    assert "Harbour" in page_of(client, f"/password/forgot?brand={alpha.public_slug}")


def test_an_address_with_a_brand_changes_no_page_of_somebody_signed_in(as_user, world, alpha):
    browser = as_user(world.outsider)
    for path in ("/", "/profile", "/teams"):
        assert "Harbour" not in page_of(browser, f"{path}?brand={alpha.public_slug}")


# --- The frame -----------------------------------------------------------------------------------


def test_members_of_one_team_always_see_its_branding_and_others_never(as_user, world, alpha):
    save_branding(world.beta, {"app_name": "Beta desk", "primary": "#00ff00"}, actor=SYSTEM)
    for user in (world.member, world.viewer, world.editor, world.team_admin):
        page = page_of(as_user(user), "/")
        assert "Harbour" in page
        assert alpha.style_url in page
        assert alpha.logo_url in page
        assert "Beta desk" not in page
    outside = page_of(as_user(world.outsider), "/")
    assert "Beta desk" in outside
    assert "Harbour" not in outside
    assert alpha.public_slug not in outside


def test_whoever_leaves_a_team_sees_nothing_of_it_any_more(as_user, world, alpha):
    browser = as_user(world.member)
    assert "Harbour" in page_of(browser, "/")
    world.member.memberships.all().delete()
    assert "Harbour" not in page_of(browser, "/")


def test_a_team_without_a_branding_looks_as_the_platform_does(as_user, world):
    page = page_of(as_user(world.outsider), "/")
    assert "RESTai" in page
    assert "/branding/" not in page.replace(f"/teams/{world.beta.pk}/branding", "")


def test_the_chat_greets_with_the_welcome_of_the_projects_team(as_user, world, alpha):
    add_member(world.beta, world.team_admin, actor=SYSTEM)
    page = page_of(as_user(world.team_admin), f"/projects/{world.project.pk}/chat")
    assert "Ahoy &lt;b&gt;you&lt;/b&gt;" in page


def test_a_branding_costs_no_further_question(as_user, world, django_assert_num_queries):
    browser = as_user(world.member)
    with CaptureQueriesContext(connection) as plain:
        page_of(browser, "/profile")
    save_branding(world.alpha, {**WHOLE, "logo": logo_from(logo())}, actor=SYSTEM)
    with django_assert_num_queries(len(plain)):
        assert "Harbour" in page_of(browser, "/profile")


def test_svg_never_gets_in_by_its_name_or_claimed_kind(as_user, world):
    file = SimpleUploadedFile("logo.svg", SVG, content_type="image/svg+xml")
    answer = as_user(world.team_admin).post(path_of(world.alpha), {**WHOLE, "logo": file})
    assert answer.status_code == 400
    assert not Branding.objects.exists()
