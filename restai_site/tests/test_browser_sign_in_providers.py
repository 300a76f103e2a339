"""Sign-in by a real provider, at a real browser that goes through all redirects."""

import re

import pytest

from accounts.models import IdentityProvider, LinkedAccount, Session, User
from accounts.services.providers import create_provider, update_provider
from audit.models import Entry
from restai_site.tests.identity_provider import real
from restai_site.tests.identity_provider.real import SLUGS, RealProvider
from restai_site.tests.world import SYSTEM
from teams.groups import create_mapping
from teams.models import Membership

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def provider(server, tmp_path_factory):
    real.require()
    callbacks = [f"{server.url}/sign-in/{slug}/callback" for slug in SLUGS]
    with RealProvider(tmp_path_factory.mktemp("provider"), callbacks) as running:
        yield running


@pytest.fixture
def add(provider, transactional_db):
    """Return a function that lets people sign in by one kind of provider."""

    def added(kind="openid_connect", **values) -> IdentityProvider:
        return create_provider({**provider.values(kind), **values}, actor=SYSTEM)

    return added


@pytest.fixture
def person(visit, provider):
    """Return a function: a visitor who knows the provider; gives what they were led through."""

    def come(user=None):
        visitor = visit(user)
        visitor.addresses = []
        visitor.page.on("request", lambda request: visitor.addresses.append(request.url))
        people.append(visitor)
        return visitor

    people = []
    yield come
    for visitor in people:
        # The provider is the one foreign host that a page may lead to; its own pages want a font.
        expected = (f"a request to {provider.url}/", "a request to https://fonts.", "console: ")
        visitor.troubles[:] = [one for one in visitor.troubles if not one.startswith(expected)]


def at_provider(visitor, login):
    """Sign in at the pages of the provider, and agree."""
    page = visitor.page
    page.wait_for_url(re.compile(r"localhost:\d+/.*interaction/"))
    page.fill("[name=login]", login)
    page.fill("[name=password]", "anything")
    page.click("button[type=submit]")
    page.wait_for_selector(".login-card h1:text('Authorize'), h1:text('Authorize')")
    page.click("button[type=submit]")


def sign_in(visitor, name, login, path="/login"):
    visitor.go(path)
    visitor.page.click(f"text=Continue with {name}")
    at_provider(visitor, login)


def test_a_new_person_comes_in_restricted_and_by_the_same_account_again(add, person, provider):
    row = add(auto_create=True)
    provider.know("ada", email="Ada@example.org", email_verified=True, name="Ada Lovelace")
    visitor = person()
    sign_in(visitor, "Company", "ada", "/login?next=/profile/security")
    visitor.page.wait_for_url("**/profile/security")
    user = User.objects.get(email="ada@example.org")
    assert (user.name, user.is_restricted, user.is_platform_admin) == ("Ada Lovelace", True, False)
    assert not user.has_usable_password()
    assert LinkedAccount.objects.get().subject == "ada"
    assert Session.objects.get(user=user).amr == ["sso"]
    # The address at the provider may change: the subject stays.
    provider.know("ada", email="lovelace@example.org", email_verified=True)
    again = person()
    sign_in(again, "Company", "ada")
    again.page.wait_for_url(f"{again.address}/")
    assert User.objects.get() == user
    assert LinkedAccount.objects.get(provider=row).email == "lovelace@example.org"


def test_no_token_and_no_secret_is_in_an_address_the_trail_or_a_table(add, person, provider):
    add(auto_create=True)
    provider.know("ada", email="ada@example.org", email_verified=True)
    visitor = person()
    sign_in(visitor, "Company", "ada")
    visitor.page.wait_for_url(f"{visitor.address}/")
    assert any("/callback?code=" in one for one in visitor.addresses)
    ours = [one for one in visitor.addresses if one.startswith(visitor.address)]
    for one in visitor.addresses:
        assert "token" not in one
        assert provider.client_secret not in one
    assert [one for one in ours if "code=" in one] == [
        one for one in ours if "/sign-in/company/callback?" in one
    ]
    assert visitor.page.url == f"{visitor.address}/"
    from allauth.account.models import EmailAddress
    from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken

    for model in (EmailAddress, SocialAccount, SocialApp, SocialToken):
        assert not model.objects.exists()
    assert set(Entry.objects.acts().values_list("action", flat=True)) == {
        "identity_provider.create",
        "user.create",
        "linked_account.create",
        "user.sign_in",
    }


@pytest.mark.parametrize("kind", ["google", "microsoft"])
def test_google_and_microsoft_are_the_same_way(add, person, provider, kind):
    add(kind, auto_create=True)
    verified = {"xms_edov": True} if kind == "microsoft" else {"email_verified": True}
    provider.know("grace", email="grace@example.org", **verified)
    visitor = person()
    sign_in(visitor, kind.title(), "grace")
    visitor.page.wait_for_url(f"{visitor.address}/")
    assert User.objects.get().email == "grace@example.org"


def test_github_is_asked_for_the_verified_primary_address(add, person, provider):
    add("github", auto_create=True)
    emails = [
        {"email": "other@example.org", "primary": False, "verified": True},
        {"email": "linus@example.org", "primary": True, "verified": True},
    ]
    user = {"id": 7, "login": "linus", "name": "Linus", "email": "shown@example.org"}
    provider.know("github", user=user, emails=emails)
    visitor = person()
    visitor.go("/login")
    visitor.page.click("text=Continue with Github")
    visitor.page.wait_for_url(f"{visitor.address}/")
    assert User.objects.get().email == "linus@example.org"
    assert LinkedAccount.objects.get().subject == "7"


def test_a_stranger_is_told_in_words_and_nothing_is_made(add, person, provider):
    add()
    provider.know("eve", email="eve@example.org", email_verified=True)
    visitor = person()
    sign_in(visitor, "Company", "eve")
    visitor.page.wait_for_selector("h1:text('You are not signed in')")
    said = visitor.page.text_content("main")
    assert "You cannot sign in here by Company: ask an administrator of this platform." in said
    assert visitor.axe() == []
    assert not User.objects.exists()
    assert Entry.objects.acts().latest("id").changes["reason"] == "no such user"


def test_somebody_who_is_signed_in_links_and_unlinks_their_account(add, person, provider, world):
    add()
    provider.know("admin", email="somebody@else.example", email_verified=False)
    visitor = person(world.platform_admin)
    visitor.go("/profile/security")
    visitor.page.click("text=Link Company")
    at_provider(visitor, "admin")
    visitor.page.wait_for_url("**/profile/security")
    visitor.page.wait_for_selector("text=Your account at Company is linked.")
    assert LinkedAccount.objects.get().user == world.platform_admin
    assert visitor.axe() == []
    visitor.page.click("[aria-label='Unlink the account at Company']")
    visitor.page.wait_for_selector("text=This is your only way in")
    assert LinkedAccount.objects.exists()


def test_groups_put_into_teams_and_take_out_again(add, person, provider, world):
    row = add(auto_create=True, groups_claim="groups", default_team_id=world.beta.pk)
    create_mapping(
        {"source": row.source, "group": "engineers", "team": world.alpha, "role": "member"},
        actor=SYSTEM,
    )
    known = {"email": "ada@example.org", "email_verified": True}
    provider.know("ada", **known, groups=["engineers", "unknown"])
    visitor = person()
    sign_in(visitor, "Company", "ada")
    visitor.page.wait_for_url(f"{visitor.address}/")
    held = Membership.objects.filter(user__email="ada@example.org")
    assert set(held.values_list("team", "source")) == {
        (world.alpha.pk, row.source),
        (world.beta.pk, ""),
    }
    provider.know("ada", **known, groups=["unknown"])
    again = person()
    sign_in(again, "Company", "ada")
    again.page.wait_for_url(f"{again.address}/")
    assert set(held.values_list("team", "source")) == {(world.beta.pk, "")}


def test_the_provider_refuses_what_lacks_the_secret_of_pkce(add, person, provider):
    """The code alone is worth nothing: another session, with another verifier, cannot use it."""
    add(auto_create=True)
    provider.know("ada", email="ada@example.org", email_verified=True)
    victim, thief = person(), person()
    victim.go("/login")
    victim.page.click("text=Continue with Company")
    victim.page.wait_for_url(re.compile(r"/interaction/"))
    # Without the session of the way there, the code comes back and is not used.
    victim.page.context.clear_cookies(name="session")
    at_provider(victim, "ada")
    victim.page.wait_for_selector("text=This sign-in was not begun in this browser")
    code = re.search(r"code=([^&]+)", victim.page.url)[1]
    thief.go("/login")
    thief.page.route("http://localhost:*/**", lambda route: route.abort())
    with thief.page.expect_request(re.compile("state=")) as sent:
        thief.page.click("text=Continue with Company")
    state = re.search(r"state=([^&]+)", sent.value.url)[1]
    issuer = provider.url.replace(":", "%3A").replace("/", "%2F")
    thief.page.goto(
        f"{thief.address}/sign-in/company/callback?code={code}&state={state}&iss={issuer}"
    )
    assert "Company does not answer as it should" in thief.page.text_content("main")
    assert not User.objects.exists()


def test_a_provider_that_is_switched_off_is_gone_from_the_log_in_page(add, person):
    row = add()
    visitor = person()
    visitor.go("/login")
    assert visitor.page.is_visible("text=Continue with Company")
    assert visitor.axe() == []
    update_provider(row, {"enabled": False}, actor=SYSTEM)
    visitor.page.click("text=Continue with Company")
    visitor.page.wait_for_selector("text=not offered here, or not any more")
    visitor.go("/login")
    assert not visitor.page.is_visible("text=Continue with Company")
