"""A key is made with a limit of calls, which is lowered and never raised."""

import pytest

from accounts.services import create_api_key, limit_api_key
from audit.models import Entry
from projects.models import Project
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.tests.world import acting, make_key

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


def test_a_key_is_made_with_a_limit(world, as_user):
    browser = as_user(world.member)
    body = {"name": "slow", "requests_per_minute": 3}
    answer = browser.post("/api/keys", body, **JSON)
    assert answer.json()["requests_per_minute"] == 3
    assert world.member.api_keys.get(name="slow").requests_per_minute == 3


def test_the_page_makes_one_too_and_shows_it(world, as_user):
    browser = as_user(world.member)
    body = {"name": "slow", "lifetime": "30", "scope": "full", "reach": "everything"}
    browser.post("/profile/keys", body | {"requests_per_minute": "3"})
    assert world.member.api_keys.get(name="slow").requests_per_minute == 3
    assert "3 requests a minute" in browser.get("/profile/keys").content.decode()


def test_it_can_be_lowered_and_never_raised(world, as_user):
    key = make_key(world.member)[0]
    browser = as_user(world.member)

    def change(value):
        body = {"requests_per_minute": value}
        answer = browser.patch(f"/api/keys/{key.pk}", body, **JSON)
        key.refresh_from_db()
        return answer.status_code, key.requests_per_minute

    assert [change(value) for value in (9, 5, 6, None, 5, 1)] == [
        (200, 9), (200, 5), (409, 5), (409, 5), (200, 5), (200, 1),
    ]  # fmt: skip


def test_what_is_refused_of_a_change_leaves_its_name_too(world, as_user):
    key = make_key(world.member, requests_per_minute=5)[0]
    body = {"name": "renamed", "requests_per_minute": 6}
    as_user(world.member).patch(f"/api/keys/{key.pk}", body, **JSON)
    key.refresh_from_db()
    assert (key.name, key.requests_per_minute) == ("test", 5)


def test_the_page_lowers_it(world, as_user):
    key = make_key(world.member)[0]
    browser = as_user(world.member)
    where = f"/profile/keys/{key.pk}/limit"
    for value, kept in (("8", 8), ("9", 8), ("", 8), ("x", 8), ("2", 2)):
        browser.post(where, {"requests_per_minute": value})
        key.refresh_from_db()
        assert key.requests_per_minute == kept


def test_others_keys_are_out_of_reach(world, as_user):
    key = make_key(world.member)[0]
    body = {"requests_per_minute": "2"}
    for role in ("editor", "platform_admin"):
        browser = as_user(getattr(world, role))
        assert browser.post(f"/profile/keys/{key.pk}/limit", body).status_code == 404
    with pytest.raises(Forbidden):
        limit_api_key(key, requests_per_minute=2, actor=acting(world.editor))
    key.refresh_from_db()
    assert key.requests_per_minute is None


def test_a_key_does_not_change_its_own_limit(world, api):
    key, plaintext = make_key(world.member, requests_per_minute=5)
    body = {"requests_per_minute": 1}
    assert api.with_key(plaintext).patch(f"/api/keys/{key.pk}", body).status_code == 403


@pytest.mark.parametrize("value", WRONG)
def test_the_services_refuse_what_is_no_limit(world, value):
    actor = acting(world.member)
    with pytest.raises(Invalid):
        create_api_key(world.member, name="x", requests_per_minute=value, actor=actor)
    key = make_key(world.member)[0]
    with pytest.raises(Invalid):
        limit_api_key(key, requests_per_minute=value, actor=actor)


def test_rotation_keeps_it(world, as_user):
    key = make_key(world.member, requests_per_minute=5)[0]
    answer = as_user(world.member).post(f"/api/keys/{key.pk}/rotate", {}, **JSON)
    assert answer.json()["requests_per_minute"] == 5


def test_the_trail_says_so(world):
    key = make_key(world.member, requests_per_minute=5)[0]
    limit_api_key(key, requests_per_minute=2, actor=acting(world.member))
    assert Entry.objects.get(action="api_key.limit").changes == {
        "requests_per_minute": {"before": 5, "after": 2}
    }
    assert Entry.objects.get(action="api_key.create").changes["requests_per_minute"] == 5


def test_a_race_for_a_higher_limit_is_lost(world):
    key = make_key(world.member, requests_per_minute=5)[0]
    stale = type(key).objects.get(pk=key.pk)
    limit_api_key(key, requests_per_minute=2, actor=acting(world.member))
    with pytest.raises(Conflict):
        limit_api_key(stale, requests_per_minute=4, actor=acting(world.member))
