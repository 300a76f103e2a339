"""Platform administrators limit how often a user calls models."""

import pytest

from accounts.models import User
from accounts.services import update_user
from projects.models import Project
from restai_site.lib.errors import Forbidden, Invalid
from restai_site.tests.world import SYSTEM, acting

WRONG = [0, -1, 100_001, 2**63, 1.5, "5", "", True, [], {}, float("nan"), float("inf")]
# Of these a program can send all but what JSON does not know; digits as text are read as a number.
SENDABLE = [0, -1, 100_001, 2**63, 1.5, "", "x", True, [], {}]
JSON = {"content_type": "application/json"}
MANAGERS = ("platform_admin", "team_admin")
OTHERS = ("editor", "viewer")
STRANGERS = ("outsider", "outsider_admin", "member")


def url(project):
    return f"/api/projects/{project.pk}/limits"


def limit_of(project):
    return Project.objects.get(pk=project.pk).requests_per_minute


def test_platform_admins_set_it_signed_in(world, as_user):
    browser = as_user(world.platform_admin)
    for value in (5, None):
        body = {"requests_per_minute": value}
        where = f"/api/users/{world.member.pk}"
        answer = browser.patch(where, body, **JSON)
        assert answer.json()["requests_per_minute"] == value
        assert User.objects.get(pk=world.member.pk).requests_per_minute == value


def test_the_page_sets_it(world, as_user):
    browser = as_user(world.platform_admin)
    for value, kept in (("5", 5), ("0", 5), ("", None)):
        browser.post(f"/users/{world.member.pk}/rate", {"requests_per_minute": value})
        assert User.objects.get(pk=world.member.pk).requests_per_minute == kept


@pytest.mark.parametrize("role", ["team_admin", "member"])
def test_nobody_else_does(world, as_user, role):
    browser, where = as_user(getattr(world, role)), f"/users/{world.member.pk}/rate"
    assert browser.post(where, {"requests_per_minute": "5"}).status_code == 403
    body = {"requests_per_minute": 5}
    for where in (f"/api/users/{world.member.pk}", "/api/me"):
        browser.patch(where, body, **JSON)
    with pytest.raises(Forbidden):
        update_user(world.member, body, actor=acting(getattr(world, role)))
    assert User.objects.get(pk=world.member.pk).requests_per_minute is None


@pytest.mark.parametrize("value", WRONG)
def test_the_service_refuses_what_is_no_limit(world, value):
    with pytest.raises(Invalid):
        update_user(world.member, {"requests_per_minute": value}, actor=SYSTEM)


def test_it_does_not_end_sessions(world, as_user):
    browser = as_user(world.member)
    update_user(world.member, {"requests_per_minute": 5}, actor=SYSTEM)
    assert browser.get("/profile").status_code == 200
