"""Django's admin is open to platform administrators who are signed in, and writes by services."""

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.models import ApiKey, User
from audit.models import Entry
from restai_site.tests.world import make_key


def lists() -> list[str]:
    return [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in admin.site._registry
    ]


def test_anonymous_people_are_sent_to_the_log_in_page(db, client):
    for path in ("/admin/", *lists()):
        answer = client.get(path)
        assert answer.status_code == 302
        assert "/login" in answer["Location"]


@pytest.mark.parametrize("name", ["outsider_admin", "member", "team_admin"])
def test_everybody_else_is_refused_in_words(world, as_user, name):
    browser = as_user(getattr(world, name))
    for path in ("/admin/", "/admin/login/", *lists()):
        assert browser.get(path).status_code == 403, path


def test_a_platform_admin_opens_every_list_and_every_form(world, as_user):
    browser = as_user(world.platform_admin)
    for path in lists():
        assert browser.get(path).status_code == 200, path
        assert browser.get(path + "add/").status_code in {200, 403}, path


def test_an_api_key_opens_nothing(world, api_as):
    answer = api_as(world.platform_admin).get("/admin/")
    assert answer.status_code == 403


def test_groups_which_no_service_writes_are_not_there(world, as_user):
    assert as_user(world.platform_admin).get("/admin/auth/group/").status_code == 404


def test_the_password_form_of_the_framework_is_not_there(world, as_user):
    answer = as_user(world.platform_admin).post("/admin/password_change/", {})
    assert answer.status_code == 302
    assert answer["Location"] == reverse("accounts:profile")


@pytest.mark.parametrize("place", ["add/", "{id}/change/", "{id}/delete/"])
def test_users_are_looked_at_here_and_changed_on_their_own_pages(world, as_user, place):
    browser = as_user(world.platform_admin)
    path = "/admin/accounts/user/" + place.format(id=world.viewer.pk)
    before = list(User.objects.order_by("pk").values())
    sent = {"email": "new@example.org", "name": "New", "is_platform_admin": "on", "post": "yes"}
    assert browser.post(path, sent).status_code == 403
    assert list(User.objects.order_by("pk").values()) == before


def test_no_page_shows_the_hash_of_a_password(world, as_user):
    world.viewer.set_password("correct horse battery")
    world.viewer.save()
    path = reverse("admin:accounts_user_change", args=[world.viewer.pk])
    assert world.viewer.password not in as_user(world.platform_admin).get(path).content.decode()


def test_keys_are_revoked_in_bulk_and_their_digest_is_not_shown(world, as_user):
    keys = [make_key(user)[0] for user in (world.viewer, world.outsider)]
    browser = as_user(world.platform_admin)
    data = {"action": "revoke", "_selected_action": [key.pk for key in keys]}
    assert browser.post(reverse("admin:accounts_apikey_changelist"), data).status_code == 302
    assert not ApiKey.objects.filter(revoked_at=None).exists()
    assert Entry.objects.filter(action="api_key.revoke").count() == 2
    page = browser.get(reverse("admin:accounts_apikey_change", args=[keys[0].pk]))
    assert keys[0].digest not in page.content.decode()


def test_the_history_of_a_row_is_the_audit_trail(world, as_user):
    path = reverse("admin:accounts_user_history", args=[world.viewer.pk])
    answer = as_user(world.platform_admin).get(path, follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain[0][0].startswith("/admin/audit/entry/?target_type=accounts.user")
