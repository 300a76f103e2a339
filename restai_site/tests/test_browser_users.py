"""Users, invitations and forgotten passwords in a real browser."""

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.services import make_link
from accounts.services.links import Purpose
from audit.models import Entry
from restai_site.tests.background import waiting
from restai_site.tests.browser import EACH_LOOK
from restai_site.tests.mailbox import delivered, link_in, mail_set_up, token_in
from restai_site.tests.world import make_key, make_user

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PASSWORD = "unusual staple of horses"


@pytest.fixture
def peopled(world):
    """Users of every kind."""
    User.objects.filter(pk=world.editor.pk).update(is_restricted=True)
    User.objects.filter(pk=world.member.pk).update(is_active=False)
    invited = make_user("invited-with-a-rather-long-name", invited_at=timezone.now())
    make_key(world.viewer, "Nightly report")
    return world, invited


def path_of(user, purpose):
    return "/" + make_link(user, purpose, email=user.email).split("/", 3)[3]


@EACH_LOOK
def test_axe_finds_no_violation_and_nothing_is_too_wide(visit, peopled, scheme, width):
    world, invited = peopled
    User.objects.filter(pk=world.platform_admin.pk).update(theme=scheme)
    visitor = visit(world.platform_admin, width=width, scheme=scheme)
    wrong = {}
    for path in (
        "/users",
        "/users?is=suspended",
        "/users?q=nothing-like-this",
        "/users/invite",
        f"/users/{world.viewer.pk}",
        f"/users/{invited.pk}",
        f"/users/{world.member.pk}",
        f"/users/{world.platform_admin.pk}",
    ):
        visitor.go(path)
        if found := [*visitor.axe(), *[f"{visitor.overflow()} px"] * (visitor.overflow() > 0)]:
            wrong[path] = found
    assert wrong == {}


@EACH_LOOK
def test_the_pages_before_signing_in_are_sound(visit, peopled, scheme, width):
    world, invited = peopled
    world.viewer.set_password(PASSWORD)
    world.viewer.save()
    visitor = visit(width=width, scheme=scheme)
    wrong = {}
    for path in (
        "/password/forgot",
        "/password/forgot/sent",
        path_of(world.viewer, Purpose.RESET),
        path_of(invited, Purpose.INVITATION),
        path_of(world.viewer, Purpose.EMAIL_CHANGE),
        f"/password/reset/{'x' * 43}",
    ):
        visitor.go(path)
        if found := [*visitor.axe(), *[f"{visitor.overflow()} px"] * (visitor.overflow() > 0)]:
            wrong[path] = found
    assert wrong == {}


def test_a_forgotten_password_is_replaced_by_the_link(visit, world):
    waiting()
    world.viewer.set_password(PASSWORD)
    world.viewer.save()
    visitor = visit()
    page = visitor.page
    addresses = []
    page.on("request", lambda request: addresses.append(request.headers.get("referer", "")))
    visitor.go("/login")
    page.click("text=Forgot your password?")
    page.fill("[name=email]", world.viewer.email)
    page.click("text=Send the link")
    page.wait_for_url("**/password/forgot/sent")
    with mail_set_up():
        (message,) = delivered()
    token = token_in(message)
    visitor.go(link_in(message))
    assert page.url.endswith("/password/reset")
    page.fill("[name=password]", "short")
    page.click("button[type=submit]")
    assert "at least 15 characters" in page.text_content(".field-wrong .field-errors")
    page.fill("[name=password]", "another staple of horses")
    page.click("button[type=submit]")
    page.wait_for_url("**/login")
    page.fill("[name=email]", world.viewer.email)
    page.fill("[name=password]", "another staple of horses")
    page.click("button[type=submit]:has-text('Log in')")
    page.wait_for_url("**/")
    assert not [address for address in addresses if token in address]
    assert token not in page.evaluate("document.referrer")


def test_without_a_mail_server_somebody_is_invited_by_hand(visit, world):
    admin = visit(world.platform_admin)
    page = admin.page
    admin.go("/users")
    page.click("text=Invite a person")
    assert "No mail can be sent yet" in page.text_content("main")
    page.fill("[name=email]", "New@example.org")
    page.click("text=Create invitation")
    page.click("text=Show the invitation link once")
    link = page.text_content("#secret-value").strip()
    assert admin.axe() == []
    page.click("text=I have saved it")
    assert link not in page.content()
    guest = visit()
    guest.go("/" + link.split("/", 3)[3])
    assert guest.page.url.endswith("/invitation")
    guest.page.fill("[name=name]", "Ada")
    guest.page.fill("[name=password]", PASSWORD)
    guest.page.click("text=Accept the invitation")
    guest.page.wait_for_url("**/chat")
    assert User.objects.get(email="new@example.org").name == "Ada"


def test_deleting_a_user_wants_the_address_typed(visit, world):
    visitor = visit(world.platform_admin)
    page = visitor.page
    visitor.go(f"/users/{world.viewer.pk}")
    page.click("text=Delete user")
    submit = page.locator("#delete-user [type=submit]")
    page.fill("#delete-user-typed", "viewer")
    assert submit.is_disabled()
    page.fill("#delete-user-typed", world.viewer.email)
    assert visitor.axe() == []
    submit.click()
    page.wait_for_url("**/users")
    assert not User.objects.filter(pk=world.viewer.pk).exists()
    assert Entry.objects.filter(action="user.delete").count() == 1


def test_users_are_suspended_and_let_in_again_without_javascript(
    transactional_db, server, chromium, world
):
    world.platform_admin.set_password(PASSWORD)
    world.platform_admin.save()
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/login?next=/users/{world.viewer.pk}")
    page.fill("[name=email]", world.platform_admin.email)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]:has-text('Log in')")
    page.click("[commandfor=suspend-user]")
    page.click("#suspend-user [type=submit]")
    assert "is suspended" in page.text_content("#toasts")
    page.click("button:has-text('Let in again')")
    assert "may come in again" in page.text_content("#toasts")
    context.close()
