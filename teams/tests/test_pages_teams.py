"""Pages of teams: seen by members, changed by their admins, models granted by the platform."""

import pytest

from accounts.models import User
from restai_site.tests.world import SYSTEM, make_user
from teams.models import Membership, Team
from teams.services import add_member, create_team


@pytest.mark.parametrize("page", ["", "/models"])
def test_a_team_is_seen_by_its_members(client, as_user, world, page):
    path = f"/teams/{world.alpha.pk}{page}"
    assert client.get(path).url == f"/login?next={path}"
    for user in (world.outsider, world.outsider_admin):
        assert as_user(user).get(path).status_code == 404
    for user in (world.member, world.team_admin, world.platform_admin):
        assert as_user(user).get(path).status_code == 200


def test_the_list_shows_ones_own_teams(as_user, world):
    page = as_user(world.member).get("/teams").content.decode()
    assert "Alpha" in page
    assert "Beta" not in page


def test_members_change_nothing(as_user, world):
    browser = as_user(world.member)
    path = f"/teams/{world.alpha.pk}"
    editor = Membership.objects.get(user=world.editor)
    before = list(Membership.objects.values()), list(Team.objects.values())
    assert browser.get(f"{path}/settings").status_code == 403
    assert browser.get("/teams/new").status_code == 403
    for target in (
        path,
        f"{path}/settings",
        f"{path}/models",
        f"{path}/delete",
        f"{path}/members/{editor.pk}/role",
        f"{path}/members/{editor.pk}/remove",
        "/teams/new",
    ):
        sent = {"who": world.outsider.email, "role": "admin", "name": "x"}
        assert browser.post(target, sent).status_code == 403, target
    assert (list(Membership.objects.values()), list(Team.objects.values())) == before


def test_a_team_admin_runs_the_team_but_grants_no_models(as_user, world):
    browser = as_user(world.team_admin)
    path = f"/teams/{world.alpha.pk}"
    add_member(world.beta, world.team_admin, actor=SYSTEM)
    sent = {"who": world.outsider.email.upper(), "role": "member"}
    assert browser.post(path, sent).status_code == 302
    added = Membership.objects.get(team=world.alpha, user=world.outsider)
    role = f"{path}/members/{added.pk}/role"
    assert browser.post(role, {"role": "admin"}).status_code == 302
    added.refresh_from_db()
    assert added.role == "admin"
    assert browser.post(f"{path}/members/{added.pk}/remove").status_code == 302
    assert not Membership.objects.filter(pk=added.pk).exists()
    assert browser.post(f"{path}/models", {"llms": []}).status_code == 403
    assert browser.post(f"{path}/delete", {"confirmation": "Alpha"}).status_code == 403
    assert world.alpha.llms.count() == 1


def test_what_is_wrong_with_a_new_member_stands_beside_the_field(as_user, world):
    browser = as_user(world.team_admin)
    path = f"/teams/{world.alpha.pk}"
    for who, words in (
        ("Nobody", "Nobody you know has this name."),
        ("Outsider", "Nobody you know has this name."),
        ("no@address", "Enter an e-mail address."),
        (world.member.email, "already a member"),
        (world.member.name, "already a member"),
    ):
        answer = browser.post(path, {"who": who, "role": "member"})
        assert answer.status_code == 400
        assert words in answer.content.decode()


def test_of_two_people_with_one_name_the_address_is_asked_for(as_user, world):
    User.objects.filter(pk=world.viewer.pk).update(name=world.member.name)
    sent = {"who": world.member.name.upper(), "role": "member"}
    answer = as_user(world.team_admin).post(f"/teams/{world.alpha.pk}", sent)
    assert answer.status_code == 400
    assert "Several people you know have this name." in answer.content.decode()


def test_a_membership_of_another_team_is_not_reached_through_ones_own(as_user, world):
    foreign = Membership.objects.get(user=world.outsider)
    path = f"/teams/{world.alpha.pk}/members/{foreign.pk}/remove"
    assert as_user(world.team_admin).post(path).status_code == 404
    assert Membership.objects.filter(pk=foreign.pk).exists()


def test_people_leave_a_team_and_land_on_their_list(as_user, world):
    own = Membership.objects.get(user=world.member)
    path = f"/teams/{world.alpha.pk}/members/{own.pk}/remove"
    assert as_user(world.member).post(path).url == "/teams"


def test_the_platform_grants_models(as_user, world):
    browser = as_user(world.platform_admin)
    sent = {"llms": [world.llm.pk, world.other_llm.pk]}
    assert browser.post(f"/teams/{world.alpha.pk}/models", sent).status_code == 302
    assert world.alpha.llms.count() == 2
    assert world.alpha.embedding_models.count() == 0


def test_a_team_is_created_and_deleted_by_its_typed_name(as_user, world):
    browser = as_user(world.platform_admin)
    assert browser.post("/teams/new", {"name": "Gamma"}).status_code == 302
    gamma = Team.objects.get(name="Gamma")
    path = f"/teams/{gamma.pk}/delete"
    assert browser.post(path, {"confirmation": "gamma"}).url == f"/teams/{gamma.pk}/settings"
    assert browser.post(path, {"confirmation": "Gamma"}).url == "/teams"
    assert not Team.objects.filter(pk=gamma.pk).exists()
    path = f"/teams/{world.alpha.pk}/delete"
    browser.post(path, {"confirmation": "Alpha"})
    assert Team.objects.filter(pk=world.alpha.pk).exists()


def test_lists_ask_few_questions(as_user, world, django_assert_max_num_queries):
    for number in range(30):
        create_team(name=f"Team {number}", actor=SYSTEM)
        add_member(world.alpha, make_user(f"person_{number}"), actor=SYSTEM)
    browser = as_user(world.platform_admin)
    for path in ("/teams", f"/teams/{world.alpha.pk}"):
        with django_assert_max_num_queries(10):
            assert browser.get(path).status_code == 200
