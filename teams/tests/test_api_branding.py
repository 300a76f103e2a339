"""REST API of brandings: read by members, and by whoever knows the slug; changed by admins."""

import pytest
from django.conf import settings

from restai_site.tests.clients import AuditedAPIClient
from restai_site.tests.world import SYSTEM, make_key
from teams.branding import logo_from, save_branding
from teams.models import Branding
from teams.tests.logos import REFUSED, SCRIPT, SVG, in_base64, logo, with_script
from teams.tests.test_branding_services import HOSTILE_COLOURS, HOSTILE_NAMES

WHOLE = {
    "app_name": "Harbour",
    "primary": "#FFF3B0",
    "secondary": "",
    "welcome_message": "Hello",
}
PUBLIC = {"app_name", "logo_url", "primary", "secondary", "welcome_message"}
FILE_POLICY = "sandbox; default-src 'none'"


def send(browser, method, path, body=None):
    return getattr(browser, method)(path, body, content_type="application/json")


def path_of(team):
    return f"/api/teams/{team.pk}/branding"


@pytest.fixture
def alpha(world):
    """Alpha's branding, with everything set."""
    values = {**WHOLE, "secondary": "#14142b", "logo": logo_from(logo())}
    return save_branding(world.alpha, values, actor=SYSTEM)


def told(answer):
    return {**answer.json(), "request_id": ""}


def test_whoever_knows_the_slug_sees_what_a_log_in_page_shows_and_no_more(api, alpha):
    answer = api.get(f"/api/teams/{alpha.public_slug}/branding")
    assert answer.status_code == 200
    assert answer.json() == {
        "app_name": "Harbour",
        "logo_url": settings.PUBLIC_URL + alpha.logo_url,
        "primary": "#fff3b0",
        "secondary": "#14142b",
        "welcome_message": "Hello",
    }


def test_an_unknown_slug_and_what_is_none_are_answered_alike(api, alpha):
    slug = alpha.public_slug
    wrong = [slug[:-1], slug + "A", slug.swapcase(), "alpha", "A" * 22, "-" * 22, "x" * 3000]
    answers = [api.get(f"/api/teams/{one}/branding") for one in wrong]
    assert {answer.status_code for answer in answers} == {404}
    assert all(told(answer) == told(answers[0]) for answer in answers)


def test_a_bad_credential_does_not_matter_to_what_is_public(api, alpha):
    api.credentials(HTTP_AUTHORIZATION="Bearer nonsense")
    assert api.get(f"/api/teams/{alpha.public_slug}/branding").status_code == 200


def test_by_slug_nothing_can_be_changed(as_user, world, alpha):
    browser = as_user(world.platform_admin)
    for method in ("post", "put", "patch", "delete"):
        path = f"/api/teams/{alpha.public_slug}/branding"
        assert send(browser, method, path, WHOLE).status_code == 405
    assert Branding.objects.get().app_name == "Harbour"


def test_by_number_members_see_it_and_strangers_do_not_even_that_there_is_one(
    api, as_user, world, alpha
):
    assert api.get(path_of(world.alpha)).status_code == 401
    for user in (world.outsider, world.outsider_admin):
        foreign = as_user(user).get(path_of(world.alpha))
        missing = as_user(user).get("/api/teams/2000000000/branding")
        assert foreign.status_code == 404
        assert told(foreign) == told(missing)
    for user in (world.member, world.viewer, world.team_admin, world.platform_admin):
        seen = as_user(user).get(path_of(world.alpha)).json()
        assert set(seen) == PUBLIC | {"public_slug"}
        assert seen["public_slug"] == alpha.public_slug


def test_a_team_without_a_branding_has_empty_values(as_user, world):
    seen = as_user(world.member).get(path_of(world.alpha)).json()
    assert seen == {**dict.fromkeys(PUBLIC | {"public_slug"}, ""), "logo_url": None}


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_admins_of_the_team_write_and_nobody_else(as_user, client, world, alpha, method):
    path = path_of(world.alpha)
    before = Branding.objects.values().get()
    body = {**WHOLE, "app_name": "Other"}
    assert send(client, method, path, body).status_code == 401
    for user, status in ((world.member, 403), (world.editor, 403), (world.outsider_admin, 404)):
        assert send(as_user(user), method, path, body).status_code == status
    assert Branding.objects.values().get() == before
    allowed = 204 if method == "delete" else 200
    assert send(as_user(world.team_admin), method, path, body).status_code == allowed
    assert Branding.objects.filter(app_name="Harbour").exists() is False


def test_keys_write_as_far_as_they_reach(world, alpha):
    def patched(**limits):
        key = AuditedAPIClient().with_key(make_key(world.team_admin, **limits)[1])
        return key.patch(path_of(world.alpha), {"app_name": "By key"}, format="json").status_code

    assert patched(scope="read") == 403
    assert patched(scope="chat") == 403
    assert patched(project_ids=[world.project.pk]) == 404
    assert Branding.objects.get().app_name == "Harbour"
    assert patched(team_id=world.alpha.pk) == 200
    assert Branding.objects.get().app_name == "By key"


def test_put_sets_all_and_keeps_the_logo_and_patch_sets_some(as_user, world, alpha):
    browser = as_user(world.team_admin)
    answer = send(browser, "put", path_of(world.alpha), WHOLE)
    assert answer.status_code == 200
    assert (answer.json()["secondary"], bool(answer.json()["logo_url"])) == ("", True)
    assert send(browser, "put", path_of(world.alpha), {"app_name": "x"}).status_code == 400
    answer = send(browser, "patch", path_of(world.alpha), {"welcome_message": "Ahoy\nthere"})
    assert (answer.json()["welcome_message"], answer.json()["app_name"]) == (
        "Ahoy\nthere",
        "Harbour",
    )
    answer = send(browser, "patch", path_of(world.alpha), {"logo": None})
    assert answer.json()["logo_url"] is None


def test_a_logo_in_base64_is_taken_and_served_as_the_platform_has_written_it(
    as_user, client, world
):
    sent = {"logo": in_base64(with_script())}
    answer = send(as_user(world.team_admin), "patch", path_of(world.alpha), sent)
    assert answer.status_code == 200
    served = client.get(answer.json()["logo_url"].removeprefix(settings.PUBLIC_URL))
    assert served.status_code == 200
    assert SCRIPT not in served.content
    assert served.content.startswith(b"\x89PNG")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_logo_is_refused_beside_its_field(as_user, world, name):
    sent = {"logo": in_base64(REFUSED[name]), "app_name": "x"}
    answer = send(as_user(world.team_admin), "patch", path_of(world.alpha), sent)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"logo"}
    assert not Branding.objects.exists()


@pytest.mark.parametrize(
    "sent",
    [
        "data:image/png;base64," + in_base64(logo()),
        "data:text/html," + SCRIPT.decode(),
        "https://evil.example/logo.png",
        "javascript:alert(1)",
        SVG.decode(),
        "",
        "=",
        "é",
        1,
        ["a"],
        {"a": "b"},
        in_base64(bytes(2 * 1024 * 1024 + 1)),
    ],
    ids=range(12),
)
def test_a_logo_is_a_file_in_base64_and_no_address(as_user, world, sent):
    answer = send(as_user(world.team_admin), "patch", path_of(world.alpha), {"logo": sent})
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"logo"}
    assert not Branding.objects.exists()


@pytest.mark.parametrize("colour", HOSTILE_COLOURS)
def test_what_is_no_colour_is_refused_beside_its_field(as_user, world, colour):
    browser = as_user(world.team_admin)
    answer = send(browser, "patch", path_of(world.alpha), {"primary": colour})
    if colour.strip() == colour:
        assert answer.status_code == 400
        assert set(answer.json()["errors"]) == {"primary"}
        assert not Branding.objects.exists()
    else:
        assert answer.json()["primary"] == colour.strip()


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_with_hidden_characters_is_refused_beside_its_field(as_user, world, name):
    answer = send(as_user(world.team_admin), "patch", path_of(world.alpha), {"app_name": name})
    assert answer.status_code == 400
    assert not Branding.objects.exists()


def test_the_files_of_a_branding_are_inert_and_kept_by_browsers(client, alpha):
    for path, kind in (
        (alpha.logo_url, "image/png"),
        (alpha.style_url, "text/css; charset=utf-8"),
    ):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == kind
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == FILE_POLICY
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert not answer.cookies


def test_a_file_is_found_by_slug_and_hash_together_alone(client, world, alpha):
    beta = save_branding(
        world.beta, {"primary": "#ff0000", "logo": logo_from(logo(size=(32, 32)))}, actor=SYSTEM
    )
    swapped = [
        f"/branding/{alpha.public_slug}/logo-{beta.logo_hash}.png",
        f"/branding/{beta.public_slug}/logo-{alpha.logo_hash}.png",
        f"/branding/{alpha.public_slug}/{beta.style_hash}.css",
        f"/branding/{'A' * 22}/{alpha.style_hash}.css",
        f"/branding/{'A' * 22}/logo-{alpha.logo_hash}.png",
        f"/branding/{alpha.public_slug}/logo-.png",
        f"/branding/{alpha.public_slug}/.css",
        f"/branding/{alpha.public_slug}/logo-{alpha.logo_hash}.svg",
    ]
    assert [client.get(path).status_code for path in swapped] == [404] * len(swapped)


def test_a_team_without_a_logo_or_colours_serves_neither(client, world):
    bare = save_branding(world.alpha, {"app_name": "Bare"}, actor=SYSTEM)
    assert (bare.logo_url, bare.style_url) == ("", "")
    assert client.get(f"/branding/{bare.public_slug}/logo-0.png").status_code == 404
    assert client.get(f"/branding/{bare.public_slug}/0000000000000000.css").status_code == 404


def test_a_new_slug_ends_the_old_one_everywhere(as_user, api, client, world, alpha):
    path = f"{path_of(world.alpha)}/link"
    for user, status in ((world.member, 403), (world.outsider_admin, 404)):
        assert send(as_user(user), "post", path, {}).status_code == status
    answer = send(as_user(world.team_admin), "post", path, {})
    assert answer.status_code == 200
    new = answer.json()["public_slug"]
    assert new != alpha.public_slug
    assert api.get(f"/api/teams/{alpha.public_slug}/branding").status_code == 404
    assert client.get(alpha.logo_url).status_code == 404
    assert client.get(alpha.style_url).status_code == 404
    assert api.get(f"/api/teams/{new}/branding").status_code == 200


def test_a_team_without_a_branding_has_no_slug_to_renew(as_user, world):
    path = f"{path_of(world.alpha)}/link"
    assert send(as_user(world.team_admin), "post", path, {}).status_code == 409


def test_after_a_reset_nothing_is_left(as_user, api, client, world, alpha):
    browser = as_user(world.team_admin)
    assert browser.delete(path_of(world.alpha)).status_code == 204
    assert browser.delete(path_of(world.alpha)).status_code == 204
    assert api.get(f"/api/teams/{alpha.public_slug}/branding").status_code == 404
    assert client.get(alpha.logo_url).status_code == 404
    assert not Branding.objects.exists()


def test_reading_a_branding_asks_one_question(api, alpha, django_assert_num_queries):
    for path in (f"/api/teams/{alpha.public_slug}/branding", alpha.logo_url, alpha.style_url):
        with django_assert_num_queries(1):
            assert api.get(path).status_code == 200
