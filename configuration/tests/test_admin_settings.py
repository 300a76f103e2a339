"""Stored settings in Django's admin: to look at, and without a secret on any page."""

import pytest
from django.db import connection
from django.urls import reverse

from configuration.models import StoredSetting
from configuration.services import update_section
from restai_site.lib.mail import MailSection
from restai_site.tests.world import SYSTEM

LIST = "/admin/configuration/storedsetting/"
SECRET = "s3cret-of-the-mail-server"


@pytest.fixture
def admin(world, as_user):
    update_section(MailSection, {"password": SECRET, "from_name": "Ada"}, actor=SYSTEM)
    return as_user(world.platform_admin)


def pages() -> list[str]:
    rows = StoredSetting.objects.defer("secret")
    change = [reverse("admin:configuration_storedsetting_change", args=[row.pk]) for row in rows]
    return [LIST, f"{LIST}?q=mail", *change]


def test_the_secret_is_on_no_page(admin):
    for path in pages():
        answer = admin.get(path)
        assert answer.status_code == 200
        assert SECRET not in answer.content.decode()
        assert "gAAAA" not in answer.content.decode()
    assert "Ada" in admin.get(LIST).content.decode()


def test_a_secret_that_cannot_be_decrypted_breaks_no_page(admin):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE configuration_storedsetting SET secret = 'gAAAA' WHERE name = 'password'"
        )
    assert [admin.get(path).status_code for path in pages()] == [200] * 4


def test_nothing_is_changed_there(admin):
    before = list(StoredSetting.objects.values())
    row = StoredSetting.objects.get(name="from_name")
    change = reverse("admin:configuration_storedsetting_change", args=[row.pk])
    delete = reverse("admin:configuration_storedsetting_delete", args=[row.pk])
    bulk = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    for path, body in (
        (change, {"value": '"Mallory"'}),
        (delete, {"post": "yes"}),
        (f"{LIST}add/", {"section": "mail", "name": "host", "value": '"evil.example"'}),
    ):
        assert admin.post(path, body).status_code == 403
    admin.post(LIST, bulk)
    assert list(StoredSetting.objects.values()) == before


def test_the_history_is_that_of_the_section_in_the_trail(admin):
    row = StoredSetting.objects.get(name="from_name")
    answer = admin.get(reverse("admin:configuration_storedsetting_history", args=[row.pk]))
    assert answer.url == (
        "/admin/audit/entry/?target_type=configuration.storedsetting&target_id=mail"
    )
    assert "settings.update" in admin.get(answer.url).content.decode()
