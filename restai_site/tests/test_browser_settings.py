"""The pages of settings at a real browser."""

import pytest
from django.core.cache import cache

from audit.models import Entry
from configuration.models import StoredSetting
from configuration.services import TEST_GROUP, update_section
from restai_site.lib.actor import Actor
from restai_site.lib.mail import MailSection
from restai_site.tests.limits import use_up_tests
from restai_site.tests.server import Server
from restai_site.tests.world import SYSTEM

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NOT_SET_UP = "No mail can be sent: an administrator has to enter a mail server in the settings."


@pytest.fixture
def visitor(visit, world):
    cache.clear()
    return visit(world.platform_admin)


def test_settings_are_reached_changed_and_saved(visitor):
    page = visitor.page
    visitor.go("/")
    page.click("#sidebar >> text=Settings")
    page.wait_for_url("**/settings/mail")
    page.fill("[name=host]", "smtp.example.org")
    page.click("text=Save settings")
    assert "Enter the address that mail comes from." in page.text_content(".notice-danger")
    assert visitor.axe() == []
    page.fill("[name=from_address]", "restai@example.org")
    page.fill("[name=password]", "a secret of the mail server")
    page.click("text=Save settings")
    page.wait_for_selector("#toasts :text('are saved')")
    assert page.input_value("[name=host]") == "smtp.example.org"
    assert page.input_value("[name=password]") == ""
    assert "Leave empty to keep it." in page.text_content("#id_password-help")
    assert "a secret of the mail server" not in page.content()
    assert StoredSetting.objects.get(name="password").secret == "a secret of the mail server"


def test_a_secret_is_removed_by_its_box(visitor):
    update_section(MailSection, {"password": "a secret"}, actor=SYSTEM)
    page = visitor.page
    visitor.go("/settings/mail")
    page.check("text=Remove the stored password")
    page.click("text=Save settings")
    page.wait_for_selector("#toasts :text('are saved')")
    assert not StoredSetting.objects.exists()


def test_changed_settings_are_not_left_unasked(visitor):
    page, asked = visitor.page, []

    def leave(dialog):
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    visitor.go("/settings/models")
    page.fill("[name=idle_seconds]", "61")
    page.click(".tabs >> text=About")
    page.wait_for_url("**/settings/about")
    assert asked == ["beforeunload"]


def test_a_test_says_beside_the_form_what_fails_and_keeps_what_was_typed(visitor):
    page = visitor.page
    visitor.go("/settings/mail")
    page.fill("[name=username]", "typed")
    page.click("text=Send a test mail")
    page.wait_for_selector("#probe .notice-danger")
    assert NOT_SET_UP in page.text_content("#probe")
    assert page.input_value("[name=username]") == "typed"
    assert visitor.axe() == []
    assert Entry.objects.acts().latest("id").changes == {"ok": False, "outcome": NOT_SET_UP}


def test_a_test_too_many_is_told_in_the_same_place(visitor, world):
    use_up_tests(TEST_GROUP, Actor(user_id=world.platform_admin.pk, email=""))
    page = visitor.page
    visitor.go("/settings/mail")
    page.click("text=Send a test mail")
    page.wait_for_selector("#probe .notice-warning")
    assert "That was too often: wait" in page.text_content("#probe")
    assert visitor.axe() == []


def test_what_the_environment_fixes_is_locked_with_its_name(visit, world):
    with Server(SMTP_HOST="smtp.fixed.example", SMTP_PASSWORD="a fixed secret") as locked:
        visitor = visit(world.platform_admin)
        # Cookies do not tell ports apart, so the log-in holds here too.
        visitor.address = locked.url
        visitor.go("/settings/mail")
        page = visitor.page
        assert page.is_disabled("[name=host]")
        assert page.input_value("[name=host]") == "smtp.fixed.example"
        assert page.is_disabled("[name=password]")
        assert "Fixed by the environment variable SMTP_PASSWORD." in page.text_content("main")
        assert "a fixed secret" not in page.content()
        assert visitor.axe() == []
