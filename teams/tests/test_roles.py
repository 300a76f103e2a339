"""Nobody raises themselves, nobody reaches into another team, and a team keeps an admin."""

from functools import partial

import pytest

from accounts.models import User
from accounts.services import suspend_user
from restai_site.lib.errors import Conflict, Forbidden, NotFound
from restai_site.tests.clients import AuditedAPIClient
from restai_site.tests.parallel import at_once
from restai_site.tests.world import SYSTEM, acting, make_key, make_user, make_world
from teams.models import Membership, Team
from teams.services import add_member, change_role, remove_member
from teams.tests.invitations import post

pytestmark = pytest.mark.django_db


def membership(user):
    return Membership.objects.get(user=user)


def roles():
    return dict(Membership.objects.values_list("user__email", "role"))


def flags():
    return list(User.objects.order_by("pk").values_list("pk", "is_platform_admin", "is_active"))


@pytest.fixture
def second(world):
    """Another admin of alpha."""
    person = make_user("second")
    add_member(world.alpha, person, role="admin", actor=SYSTEM)
    return person


# --- Nobody raises themselves --------------------------------------------------------------------


@pytest.mark.parametrize("role", ["member", "viewer", "editor", "outsider"])
def test_by_the_api_nobody_makes_themselves_an_admin(world, as_user, role):
    person = getattr(world, role)
    before, browser = roles(), as_user(person)
    team = f"/api/teams/{world.alpha.pk}"
    own = f"{team}/members/{person.pk}"
    refused = {403, 404}
    for body in ({"role": "admin"}, {"role": "admin", "user": person.pk}):
        answer = browser.patch(own, body, content_type="application/json")
        assert answer.status_code in refused
    for path in (f"{team}/members", f"{team}/invitations"):
        body = {"email": person.email, "role": "admin"}
        assert post(browser, path, body).status_code in refused
    assert roles() == before


def test_on_the_page_nobody_makes_themselves_an_admin(world, as_user):
    before = roles()
    path = f"/teams/{world.alpha.pk}"
    for user in (world.member, world.editor):
        browser, own = as_user(user), f"{path}/members/{membership(user).pk}/role"
        assert browser.post(own, {"role": "admin"}).status_code in {302, 403}
        assert browser.post(path, {"who": user.email, "role": "admin"}).status_code == 403
    assert roles() == before


def test_a_team_admin_makes_nobody_a_platform_administrator(world, as_user):
    """Neither by fields of a user, a membership or an invitation, nor at the administration."""
    browser, before = as_user(world.team_admin), flags()
    raised = {"is_platform_admin": True, "is_superuser": True, "is_staff": True}
    for method, path in (
        ("patch", "/api/me"),
        ("patch", f"/api/users/{world.team_admin.pk}"),
        ("patch", f"/api/users/{world.member.pk}"),
        ("post", "/api/users"),
        ("patch", f"/api/teams/{world.alpha.pk}/members/{world.member.pk}"),
    ):
        body = {**raised, "email": "new@example.org", "role": "member"}
        getattr(browser, method)(path, body, content_type="application/json")
    for path in (
        f"/users/{world.team_admin.pk}/role",
        f"/users/{world.outsider.pk}/suspend",
        f"/users/{world.platform_admin.pk}/suspend",
        f"/users/{world.platform_admin.pk}/delete",
    ):
        assert browser.post(path, {"is_platform_admin": "on"}).status_code == 403
    for path in ("/admin/", "/admin/teams/membership/add/", "/admin/accounts/user/"):
        assert browser.get(path).status_code in {302, 403, 404}
    assert flags() == before
    assert not User.objects.filter(email="new@example.org").exists()


def test_by_the_administration_only_administrators_change_memberships(world, as_user):
    own = membership(world.member)
    path = f"/admin/teams/membership/{own.pk}/change/"
    for user in (world.member, world.team_admin):
        answer = as_user(user).post(path, {"role": "admin"})
        assert answer.status_code in {302, 403, 404}
    own.refresh_from_db()
    assert own.role == "member"
    as_user(world.platform_admin).post(path, {"role": "admin"})
    own.refresh_from_db()
    assert own.role == "admin"


@pytest.mark.parametrize("limits", [{}, {"scope": "read"}, {"scope": "chat"}])
def test_by_a_key_nobody_makes_themselves_an_admin(world, limits):
    before = roles()
    for user in (world.member, world.team_admin):
        client = AuditedAPIClient().with_key(make_key(user, **limits)[1])
        path = f"/api/teams/{world.alpha.pk}/members/{user.pk}"
        for role in ("admin", "member"):
            answer = client.patch(path, {"role": role}, format="json")
            assert answer.status_code == 403
    assert roles() == before


def test_a_narrowed_key_of_an_administrator_runs_no_team(world):
    before = roles()
    key = make_key(world.platform_admin, team_id=world.alpha.pk)[1]
    client, path = AuditedAPIClient().with_key(key), f"/api/teams/{world.alpha.pk}"
    body = {"email": world.platform_admin.email, "role": "admin"}
    assert post(client, f"{path}/members", body).status_code in {400, 403, 415}
    assert client.post(f"{path}/members", body, format="json").status_code == 403
    assert client.post(f"{path}/invitations", body, format="json").status_code == 403
    assert client.delete(f"{path}/members/{world.member.pk}").status_code == 403
    assert roles() == before


def test_whoever_acts_as_a_user_raises_nobody_further_than_that_user(world, as_user):
    browser, before = as_user(world.platform_admin), roles()
    reason = {"user": world.member.pk, "reason": "A request for help"}
    assert post(browser, "/api/auth/impersonation", reason).status_code < 300
    for user in (world.member, world.platform_admin):
        body = {"email": user.email, "role": "admin"}
        path = f"/api/teams/{world.alpha.pk}/members"
        assert post(browser, path, body).status_code == 403
    answer = browser.patch(
        f"/api/teams/{world.alpha.pk}/members/{world.member.pk}",
        {"role": "admin"},
        content_type="application/json",
    )
    assert answer.status_code == 403
    assert roles() == before


def test_a_team_admin_who_has_just_lost_the_role_changes_nothing_more(world, as_user, second):
    browser = as_user(world.team_admin)
    change_role(membership(world.team_admin), role="member", actor=acting(second))
    path = f"/api/teams/{world.alpha.pk}/members/{second.pk}"
    assert browser.delete(path).status_code == 403
    body = {"role": "member"}
    assert browser.patch(path, body, content_type="application/json").status_code == 403
    assert membership(second).role == "admin"


# --- Nobody reaches into another team ------------------------------------------------------------


def test_a_team_admin_touches_no_other_team(world):
    actor, foreign = acting(world.team_admin), membership(world.outsider)
    before = roles()
    for act in (
        partial(change_role, foreign, role="admin"),
        partial(remove_member, foreign),
        partial(add_member, world.beta, world.member),
        partial(add_member, world.beta, world.team_admin, role="admin"),
    ):
        with pytest.raises(Forbidden):
            act(actor=actor)
    assert roles() == before


def test_a_team_admin_sees_no_list_of_users(world, as_user):
    browser = as_user(world.team_admin)
    for path in ("/users", f"/users/{world.member.pk}", "/api/audit", "/settings/mail"):
        assert browser.get(path).status_code == 403, path
    shown = browser.get("/api/users")
    assert shown.status_code in {200, 403}
    assert world.outsider.email not in shown.content.decode()
    assert browser.get(f"/api/users/{world.outsider.pk}").status_code in {403, 404}


# --- A team keeps an admin -----------------------------------------------------------------------


def leave(user):
    remove_member(membership(user), actor=acting(user))


def test_the_last_admin_does_not_leave_and_is_not_removed_or_demoted(world, second):
    leave(second)
    with pytest.raises(Conflict):
        leave(world.team_admin)
    with pytest.raises(Forbidden):
        change_role(membership(world.team_admin), role="member", actor=acting(world.team_admin))
    assert membership(world.team_admin).role == "admin"


@pytest.mark.parametrize(
    "values", [{"is_active": False}, {"is_restricted": True}, {"invited_at": "2026-01-01T00:00Z"}]
)
def test_who_cannot_act_is_no_admin_that_counts(world, second, values):
    User.objects.filter(pk=second.pk).update(**values)
    with pytest.raises(Conflict):
        leave(world.team_admin)
    # The other way round, one who acts is left.
    remove_member(membership(second), actor=acting(world.team_admin))
    assert membership(world.team_admin).role == "admin"


def test_after_a_suspension_the_other_admin_is_the_last(world, second):
    suspend_user(second, actor=SYSTEM)
    with pytest.raises(Conflict):
        leave(world.team_admin)


def test_the_platform_may_leave_a_team_without_an_admin(world):
    remove_member(membership(world.team_admin), actor=acting(world.platform_admin))
    assert not Membership.objects.filter(team=world.alpha, role="admin").exists()


def test_whoever_has_left_is_not_removed_a_second_time(world):
    gone = membership(world.member)
    leave(world.member)
    with pytest.raises(NotFound):
        remove_member(gone, actor=acting(world.team_admin))
    with pytest.raises(NotFound):
        change_role(gone, role="admin", actor=acting(world.team_admin))


def test_a_role_that_was_read_before_it_changed_does_not_count(world, second):
    """Somebody opens the page as a member, becomes the last admin, and then leaves."""
    seen = membership(world.member)
    change_role(membership(world.member), role="admin", actor=acting(second))
    leave(second)
    leave(world.team_admin)
    with pytest.raises(Conflict):
        remove_member(seen, actor=acting(world.member))
    assert membership(world.member).role == "admin"


def admins(team):
    return Membership.objects.filter(team=team, role="admin").count()


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_who_leave_at_once_one_stays():
    world = make_world()
    for number in range(6):
        Membership.objects.filter(team=world.alpha, role="admin").delete()
        pair = [make_user(f"{name}{number}") for name in "ab"]
        for person in pair:
            add_member(world.alpha, person, role="admin", actor=SYSTEM)
        assert at_once(*[partial(leave, person) for person in pair]) == ["Conflict", "done"]
        assert admins(world.alpha) == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_who_demote_or_remove_each_other_one_stays():
    world = make_world()
    for number in range(6):
        Membership.objects.filter(team=world.alpha, role="admin").delete()
        one, two = (make_user(f"{name}{number}") for name in "ab")
        for person in (one, two):
            add_member(world.alpha, person, role="admin", actor=SYSTEM)
        of_one, of_two = membership(one), membership(two)
        outcomes = at_once(
            partial(change_role, of_two, role="member", actor=acting(one)),
            partial(remove_member, of_one, actor=acting(two)),
        )
        assert outcomes.count("done") == 1
        assert admins(world.alpha) == 1
    assert Team.objects.filter(pk=world.alpha.pk).exists()
