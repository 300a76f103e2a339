"""/api/teams, with members and grants."""

import pytest

from accounts.models import User
from audit.models import Entry
from restai_site.tests.world import SYSTEM
from teams.models import Membership, Team
from teams.services import add_member

ROLE = {"role": "admin"}


def post(browser, path, body):
    return browser.post(path, body, content_type="application/json")


def patch(browser, path, body):
    return browser.patch(path, body, content_type="application/json")


def members_of(team) -> dict[str, str]:
    rows = Membership.objects.filter(team=team).values_list("user__email", "role")
    return {email.partition("@")[0]: role for email, role in rows}


def test_people_see_their_own_teams(world, as_user):
    def seen(user):
        return [team["name"] for team in as_user(user).get("/api/teams").json()["results"]]

    assert seen(world.member) == ["Alpha"]
    assert seen(world.outsider) == ["Beta"]
    assert seen(world.platform_admin) == ["Alpha", "Beta"]


def test_a_team_is_made_by_platform_administrators_with_a_slug_of_its_own(world, as_user):
    browser = as_user(world.platform_admin)
    answer = post(browser, "/api/teams", {"name": "Alpha", "slug": "beta", "id": 1})
    assert answer.status_code == 201
    assert answer.json()["slug"] == "alpha-2"
    assert post(as_user(world.team_admin), "/api/teams", {"name": "x"}).status_code == 403


def test_a_team_admin_renames_their_team_and_no_other(world, as_user):
    browser = as_user(world.team_admin)
    assert (
        patch(browser, f"/api/teams/{world.alpha.pk}", {"name": "A", "slug": "x"}).status_code
        == 200
    )
    assert patch(browser, f"/api/teams/{world.beta.pk}", {"name": "B"}).status_code == 404
    assert set(Team.objects.values_list("name", "slug")) == {("A", "alpha"), ("Beta", "beta")}


def test_a_team_with_projects_is_not_deleted(world, as_user):
    browser = as_user(world.platform_admin)
    assert browser.delete(f"/api/teams/{world.alpha.pk}").status_code == 409
    assert Team.objects.filter(pk=world.alpha.pk).exists()


def test_a_user_is_added_by_address_whatever_its_case(world, as_user):
    body = {"email": " Outsider@EXAMPLE.org "}
    answer = post(as_user(world.platform_admin), f"/api/teams/{world.alpha.pk}/members", body)
    assert answer.status_code == 201
    assert answer.json()["user"] == {
        "id": world.outsider.pk,
        "email": "outsider@example.org",
        "name": "Outsider",
    }
    assert members_of(world.alpha)["outsider"] == "member"


@pytest.mark.parametrize("named", ["email", "user"])
def test_a_team_admin_adds_whom_they_know_from_another_team(world, as_user, named):
    add_member(world.beta, world.team_admin, actor=SYSTEM)
    value = world.outsider.email if named == "email" else world.outsider.pk
    path = f"/api/teams/{world.alpha.pk}/members"
    assert post(as_user(world.team_admin), path, {named: value}).status_code == 201
    assert members_of(world.alpha)["outsider"] == "member"


def test_to_a_team_admin_a_stranger_is_as_good_as_missing_by_address_and_by_id(world, as_user):
    """Else whoever runs a team could find out who has an account."""
    User.objects.filter(pk=world.outsider_admin.pk).update(is_active=False)
    browser, path = as_user(world.team_admin), f"/api/teams/{world.alpha.pk}/members"
    strangers = (world.outsider, world.outsider_admin)
    for bodies in (
        [{"email": email} for email in ("nobody@example.org", *(one.email for one in strangers))],
        [{"user": pk} for pk in (10**9, *(one.pk for one in strangers))],
    ):
        answers = [post(browser, path, body) for body in bodies]
        told = [{**answer.json(), "request_id": ""} for answer in answers]
        assert [answer.status_code for answer in answers] == [400] * 3
        assert told[0] == told[1] == told[2]
    assert set(members_of(world.alpha)) == {"team-admin", "editor", "viewer", "member"}


def test_whoever_may_not_add_members_learns_of_no_address(world, as_user):
    browser, path = as_user(world.member), f"/api/teams/{world.alpha.pk}/members"
    for email in ("nobody@example.org", "outsider@example.org"):
        assert post(browser, path, {"email": email}).status_code == 403


@pytest.mark.parametrize("body", [{}, {"email": "viewer@example.org", "user": 1}])
def test_an_address_or_an_id_is_given_and_not_both(world, as_user, body):
    answer = post(as_user(world.team_admin), f"/api/teams/{world.alpha.pk}/members", body)
    assert answer.status_code == 400


def test_adding_a_member_twice_is_a_conflict(world, as_user):
    body = {"email": "viewer@example.org", **ROLE}
    answer = post(as_user(world.team_admin), f"/api/teams/{world.alpha.pk}/members", body)
    assert answer.status_code == 409
    assert members_of(world.alpha)["viewer"] == "member"


def test_a_member_promotes_nobody_least_of_all_themselves(world, as_user):
    browser = as_user(world.member)
    for user in (world.member, world.viewer):
        path = f"/api/teams/{world.alpha.pk}/members/{user.pk}"
        assert patch(browser, path, ROLE).status_code == 403
    assert members_of(world.alpha)["member"] == "member"


def test_a_team_admin_does_not_change_their_own_role(world, as_user):
    path = f"/api/teams/{world.alpha.pk}/members/{world.team_admin.pk}"
    assert patch(as_user(world.team_admin), path, {"role": "member"}).status_code == 403
    assert members_of(world.alpha)["team-admin"] == "admin"


def test_the_last_admin_does_not_leave_and_a_member_does(world, as_user):
    def leave(user):
        return as_user(user).delete(f"/api/teams/{world.alpha.pk}/members/{user.pk}").status_code

    assert leave(world.team_admin) == 409
    assert leave(world.viewer) == 204
    assert set(members_of(world.alpha)) == {"team-admin", "editor", "member"}


def test_a_removed_member_loses_sight_of_the_team_and_its_projects_at_once(world, as_user, api_as):
    browser, key = as_user(world.viewer), api_as(world.viewer)
    path = f"/api/projects/{world.project.pk}"
    assert (browser.get(path).status_code, key.get(path).status_code) == (200, 200)
    removed = as_user(world.team_admin).delete(
        f"/api/teams/{world.alpha.pk}/members/{world.viewer.pk}"
    )
    assert removed.status_code == 204
    assert (browser.get(path).status_code, key.get(path).status_code) == (404, 404)
    assert browser.get(f"/api/teams/{world.alpha.pk}").status_code == 404


def test_a_membership_of_another_team_is_not_reached_through_ones_own(world, as_user):
    path = f"/api/teams/{world.alpha.pk}/members/{world.outsider.pk}"
    browser = as_user(world.team_admin)
    assert browser.delete(path).status_code == 404
    assert patch(browser, path, ROLE).status_code == 404
    assert members_of(world.beta)["outsider"] == "member"


def test_grants_are_set_by_platform_administrators_alone(world, as_user):
    path = f"/api/teams/{world.alpha.pk}/grants"
    body = {"llms": [world.llm.pk, world.other_llm.pk]}
    assert patch(as_user(world.team_admin), path, body).status_code == 403
    answer = patch(as_user(world.platform_admin), path, body)
    assert answer.status_code == 200
    assert sorted(answer.json()["llms"]) == sorted(body["llms"])
    assert answer.json()["embedding_models"] == [world.embedding_model.pk]
    entry = Entry.objects.acts().latest("id")
    assert entry.changes == {"llms": {"before": ["alpha-llm"], "after": ["alpha-llm", "beta-llm"]}}


def test_a_grant_of_a_model_that_is_not_there_is_refused_whole(world, as_user):
    path = f"/api/teams/{world.alpha.pk}/grants"
    answer = patch(as_user(world.platform_admin), path, {"llms": [world.other_llm.pk, 10**9]})
    assert answer.status_code == 400
    assert list(world.alpha.llms.all()) == [world.llm]
