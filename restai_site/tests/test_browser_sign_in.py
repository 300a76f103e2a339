"""Set-up, log-in and acting as somebody else, as people do them."""

import re

import pytest
from playwright.sync_api import expect

from accounts.models import Session, User
from accounts.services import renew_setup_link
from restai_site.tests.world import make_world

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD = "unusual staple of horses"


def log_in(visitor, email, password=PASSWORD):
    visitor.go("/login")
    visitor.page.get_by_label("E-mail address").fill(email)
    visitor.page.get_by_label("Password", exact=True).fill(password)
    visitor.page.get_by_role("button", name="Log in", exact=True).click()


def test_the_first_administrator_is_set_up_by_the_link_and_logs_in_again(visit, transactional_db):
    token = renew_setup_link()
    visitor = visit(None)
    page = visitor.page
    visitor.go(f"/setup/{token}")
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("main form button[type=submit]").click()
    page.wait_for_url("**/chat")
    assert User.objects.get().is_platform_admin
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    log_in(visitor, "ada@example.org")
    page.wait_for_url("**/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Usage")


def test_a_wrong_password_is_told_and_the_way_on_is_kept(visit, transactional_db):
    world = make_world()
    world.viewer.set_password(PASSWORD)
    world.viewer.save(update_fields=["password"])
    visitor = visit(None)
    page = visitor.page
    visitor.go("/projects?q=a")
    expect(page).to_have_url(re.compile(r"/login\?next="))
    page.get_by_label("E-mail address").fill(world.viewer.email)
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_text("The e-mail address or the password is not right.")).to_be_visible()
    expect(page.get_by_label("E-mail address")).to_have_value(world.viewer.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page).to_have_url(re.compile(r"/projects\?q=a$"))


def test_an_administrator_acts_as_a_user_in_every_tab_until_they_stop(visit, transactional_db):
    world = make_world()
    visitor = visit(world.platform_admin)
    page = visitor.page
    visitor.go(f"/users/{world.viewer.pk}")
    page.get_by_role("link", name="Act as this user").click()
    page.get_by_label("Reason").fill("Ticket 4711: the chat shows nothing")
    page.get_by_role("button", name="Act as").click()
    banner = page.get_by_role("region", name="Impersonation")
    expect(banner).to_contain_text(world.viewer.email)
    assert visitor.axe() == []
    second = page.context.new_page()
    second.goto(f"{visitor.address}/projects/{world.project.pk}")
    expect(second.get_by_role("region", name="Impersonation")).to_be_visible()
    expect(second.get_by_role("link", name="Users")).to_have_count(0)
    banner.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("You act as yourself again.")).to_be_visible()
    expect(page.get_by_role("region", name="Impersonation")).to_have_count(0)
    second.reload()
    expect(second.get_by_role("link", name="Users")).to_be_visible()
    assert not Session.objects.filter(impersonator__isnull=False).exists()


def test_a_session_that_is_ended_elsewhere_leads_to_the_log_in_and_back(visit, transactional_db):
    world = make_world()
    visitor = visit(world.viewer)
    visitor.go("/profile")
    Session.objects.all().delete()
    visitor.page.get_by_role("link", name="Security").first.click()
    expect(visitor.page).to_have_url(re.compile(r"/login\?next=/profile/security$"))
