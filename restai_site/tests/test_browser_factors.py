"""Second factors at a real browser: set up, asked for, lost and required."""

import os
import re
from base64 import b32encode
from pathlib import Path
from secrets import token_bytes

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Passkey, Session, TotpDevice, User
from accounts.sections import AuthenticationSection
from accounts.services.recovery_codes import make_codes
from accounts.tests.factors import PASSWORD, code_of
from configuration.services import update_section
from restai_site.tests.browser import EACH_LOOK, open_browser
from restai_site.tests.server import Server
from restai_site.tests.world import SYSTEM, make_user

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SECURITY = "/profile/security"
STAGE = "/sign-in/second-factor"


@pytest.fixture(scope="module")
def named_server(django_db_setup, django_db_blocker):
    """A server under a name: passkeys do not belong to bare addresses."""
    server = Server()
    server.url = server.environment["PUBLIC_URL"] = f"http://localhost:{server.port}"
    with django_db_blocker.unblock(), server as running:
        yield running


@pytest.fixture
def browse(transactional_db, named_server, chromium):
    """Return a function: somebody at a fresh browser; no page may have caused trouble."""
    visitors = []

    def opened(user=None, **options):
        visitors.append(open_browser(chromium, named_server.url, user, **options))
        return visitors[-1]

    yield opened
    troubles = [trouble for visitor in visitors for trouble in visitor.troubles]
    for visitor in visitors:
        visitor.page.context.close()
    assert troubles == []


@pytest.fixture
def user(transactional_db):
    made = make_user("ada")
    made.set_password(PASSWORD)
    made.save(update_fields=["password"])
    return made


def log_in(visitor, user):
    visitor.go("/login")
    page = visitor.page
    page.fill("[name=email]", user.email)
    page.fill("[name=password]", PASSWORD)
    page.click("form[action='/login'] [type=submit]")


def log_out(visitor):
    visitor.go(SECURITY)
    visitor.page.click("[popovertarget=profile-menu]")
    visitor.page.click("#profile-menu >> text=Log out")
    visitor.page.wait_for_url("**/login")


def give_app(user):
    """Give the user an app; return its secret and recovery codes."""
    secret = b32encode(token_bytes(20)).decode()
    TotpDevice.objects.create(user=user, secret=secret, confirmed=True)
    codes = make_codes(user)
    mark(user)
    return secret, codes


def mark(user):
    User.objects.filter(pk=user.pk).update(second_factor_since=timezone.now())


def set_up_app(page):
    """Go through the pages of an app from the choice on; return its secret."""
    page.click("text=Set up an app")
    expect(page.locator("img.qr")).to_be_visible()
    page.click("text=Enter a key instead")
    shown = page.text_content("#secret-value")
    assert re.fullmatch(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}", shown)
    page.fill("[name=code]", code_of(shown))
    page.click("text=Turn on")
    page.wait_for_selector("#codes")
    return shown


def test_an_app_is_set_up_and_asked_for_at_the_next_log_in(browse, user, tmp_path):
    visitor = browse()
    page = visitor.page
    log_in(visitor, user)
    visitor.go(SECURITY)
    page.click("section:has(#factor-title) >> text='Set up'")
    secret = set_up_app(page)
    codes = page.text_content("#codes").split()
    assert len(codes) == 10
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("[data-copy=codes]")
    assert page.evaluate("navigator.clipboard.readText()").split() == codes
    with page.expect_download() as saved:
        page.click("[data-download=codes]")
    assert saved.value.suggested_filename == "restai-recovery-codes.txt"
    assert Path(saved.value.path()).read_text(encoding="utf-8").split() == codes
    page.click("text=I have saved them")
    assert "10 left of 10" in page.text_content("main")
    assert codes[0] not in page.content()
    log_out(visitor)
    log_in(visitor, user)
    page.wait_for_url(f"**{STAGE}")
    visitor.go("/projects")
    assert "/login" in page.url
    visitor.go(STAGE)
    page.fill("[name=code]", "000000")
    page.click("button.btn-primary")
    assert "The code is not right" in page.text_content(".field-wrong .field-errors")
    page.fill("[name=code]", code_of(secret, steps=1))
    page.click("button.btn-primary")
    visitor.go("/profile")
    assert user.email in page.text_content("main")


def test_a_recovery_code_replaces_a_lost_app(browse, user):
    _, codes = give_app(user)
    visitor = browse()
    page = visitor.page
    log_in(visitor, user)
    page.click("text=Use a recovery code")
    page.fill("[name=recovery_code]", codes[0].upper().replace("-", " "))
    page.click("text=Continue with a recovery code")
    page.wait_for_url(lambda url: "sign-in" not in url)
    visitor.go(SECURITY)
    assert "9 left of 10" in page.text_content("main")


def test_a_required_factor_is_set_up_before_anything_else(browse, user):
    update_section(AuthenticationSection, {"second_factor": "everyone"}, actor=SYSTEM)
    visitor = browse()
    page = visitor.page
    visitor.go("/login")
    page.wait_for_timeout(1_000)  # by then the server has seen the setting
    log_in(visitor, user)
    page.wait_for_url(f"**{SECURITY}/enrol")
    visitor.go("/projects")
    assert page.url.endswith(f"{SECURITY}/enrol")
    assert "This platform requires one" in page.text_content("main")
    set_up_app(page)
    page.click("text=I have saved them")
    visitor.go("/projects")
    assert page.url.endswith("/projects")


def test_an_app_is_set_up_and_used_without_javascript(browse, user, named_server, chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{named_server.url}/login")
    page.fill("[name=email]", user.email)
    page.fill("[name=password]", PASSWORD)
    page.click("form[action='/login'] [type=submit]")
    page.goto(f"{named_server.url}{SECURITY}/enrol")
    assert not page.is_visible("text=Add a passkey")
    secret = set_up_app(page)
    page.click("text=I have saved them")
    page.goto(f"{named_server.url}{SECURITY}/app/remove")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=code]", code_of(secret, steps=1))
    page.click("text=Remove app")
    assert not TotpDevice.objects.filter(user=user).exists()
    context.close()


# --- Passkeys, with the virtual authenticator of Chromium ----------------------------------------


def plug_in(page, *, verifies=True):
    """Give the browser an authenticator that keeps passkeys."""
    channel = page.context.new_cdp_session(page)
    channel.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": verifies,
        "isUserVerified": verifies,
        "automaticPresenceSimulation": True,
    }
    return channel, channel.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def add_passkey(visitor, name="Laptop"):
    page = visitor.page
    visitor.go(f"{SECURITY}/enrol")
    page.fill("[name=name]", name)
    page.click("text=Add a passkey")


def test_a_passkey_is_added_and_signs_in_by_itself(browse, user):
    visitor = browse()
    page = visitor.page
    plug_in(page)
    log_in(visitor, user)
    add_passkey(visitor)
    page.wait_for_selector("#codes")
    page.click("text=I have saved them")
    assert "Laptop" in page.text_content("section:has(#passkeys-title)")
    log_out(visitor)
    page.click("text=Log in with a passkey")
    page.wait_for_url(lambda url: "login" not in url)
    visitor.go("/profile")
    assert user.email in page.text_content("main")
    assert Session.objects.filter(user=user).latest("created_at").amr == ["passkey", "mfa"]
    assert Passkey.objects.get().last_used_at is not None


def test_a_passkey_is_the_second_stage_and_confirms_its_own_removal(browse, user):
    visitor = browse()
    page = visitor.page
    plug_in(page)
    log_in(visitor, user)
    add_passkey(visitor)
    page.click("text=I have saved them")
    log_out(visitor)
    log_in(visitor, user)
    page.wait_for_url(f"**{STAGE}")
    page.click("text=Use a passkey")
    page.wait_for_url(lambda url: "sign-in" not in url)
    visitor.go(SECURITY)
    page.click("[aria-label='Rename Laptop']")
    page.fill("dialog [name=name]", "Telephone")
    page.click("text=Rename passkey")
    page.click("[aria-label='Remove Telephone']")
    page.fill("[name=password]", PASSWORD)
    page.click("text=Use a passkey instead of a code")
    page.wait_for_url(f"**{SECURITY}")
    assert not Passkey.objects.exists()
    assert User.objects.get(pk=user.pk).second_factor_since is None


def test_one_device_is_added_once(browse, user):
    visitor = browse()
    page = visitor.page
    plug_in(page)
    log_in(visitor, user)
    add_passkey(visitor)
    page.click("text=I have saved them")
    add_passkey(visitor, "Again")
    expect(page.locator("#toasts")).to_contain_text("has a passkey for your account already")
    assert Passkey.objects.count() == 1


def test_a_passkey_that_does_not_verify_its_owner_is_no_log_in(browse, user):
    visitor = browse()
    page = visitor.page
    plug_in(page, verifies=False)
    log_in(visitor, user)
    add_passkey(visitor)
    page.click("text=I have saved them")
    log_out(visitor)
    page.click("text=Log in with a passkey")
    expect(page.locator("#toasts")).to_contain_text("The passkey was not used")
    log_in(visitor, user)
    page.click("text=Use a passkey")
    page.wait_for_url(lambda url: "sign-in" not in url)
    assert Session.objects.filter(user=user).latest("created_at").amr == ["pwd", "passkey", "mfa"]


# --- How it looks --------------------------------------------------------------------------------


def walk(visitor, user):
    """Yield the name of each page of factors that answers a form alone, while it is open."""
    page = visitor.page
    log_in(visitor, user)
    visitor.go(f"{SECURITY}/enrol")
    yield "enrol"
    page.click("text=Set up an app")
    page.click("text=Enter a key instead")
    shown = page.text_content("#secret-value")
    yield "app"
    page.fill("[name=code]", "000000")
    page.click("text=Turn on")
    yield "app-wrong"
    page.fill("[name=code]", code_of(shown))
    page.click("text=Turn on")
    yield "codes"
    page.click("text=I have saved them")
    plug_in(page)
    add_passkey(visitor, "A passkey with a name that is about as long as names may be here.")
    page.wait_for_url(f"**{SECURITY}")
    yield "security"
    page.click("[aria-label^=Rename]")
    yield "rename"
    visitor.go(f"{SECURITY}/app/remove")
    yield "remove"
    log_out(visitor)
    yield "login"
    log_in(visitor, user)
    page.wait_for_url(f"**{STAGE}")
    yield "stage"
    page.click("text=Use a recovery code")
    page.fill("[name=recovery_code]", "wrong")
    page.click("text=Continue with a recovery code")
    yield "stage-wrong"


@EACH_LOOK
def test_the_pages_of_factors_are_accessible_and_fit(browse, user, width, scheme):
    visitor = browse(width=width, scheme=scheme)
    found = {}
    for name in walk(visitor, user):
        found[name] = visitor.axe()
        if (wide := visitor.overflow()) > 0:
            found[name].append(f"{wide} pixels too wide")
        if folder := os.environ.get("SCREENSHOTS"):
            place = Path(folder) / f"{name}-{width}-{scheme}.png"
            visitor.page.screenshot(path=place, full_page=True)
    assert {name: troubles for name, troubles in found.items() if troubles} == {}
