"""Invitations to projects: who sends them, and where those who accept come to."""

import pytest

from accounts.models import User
from audit.models import Entry
from projects.models import Project, ProjectInvitation, ProjectMember
from projects.services import (
    add_project_member,
    delete_project,
    invite_to_project,
    remove_project_member,
)
from restai_site.lib.errors import Forbidden
from restai_site.tests.background import waiting
from restai_site.tests.clients import AuditedAPIClient
from restai_site.tests.mailbox import delivered, link_in
from restai_site.tests.world import SYSTEM, acting, make_key
from teams.models import Membership
from teams.services import add_member, remove_member
from teams.tests.invitations import LOSSES, expire, listed, post, states

pytestmark = pytest.mark.django_db
NEW = "new@example.org"


@pytest.fixture
def path(mailbox, world):
    return f"/api/projects/{world.project.pk}/invitations"


@pytest.fixture
def invited(mailbox, world):
    """An invitation of the outsider to the project, as editor."""
    actor = acting(world.team_admin)
    return invite_to_project(world.project, email=world.outsider.email, role="editor", actor=actor)


def roles(world, user):
    team = Membership.objects.filter(team=world.alpha, user=user).values_list("role", flat=True)
    own = ProjectMember.objects.filter(project=world.project, user=user)
    return team.first(), own.values_list("role", flat=True).first()


def accept(browser, invitation):
    return post(browser, f"/api/invitations/project/{invitation.pk}/accept").status_code


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("anonymous", 401),
        ("outsider", 404),
        ("outsider_admin", 404),
        ("member", 404),
        ("viewer", 403),
        ("editor", 403),
        ("team_admin", 201),
        ("platform_admin", 201),
    ],
)
def test_admins_of_the_team_invite_and_editors_do_not(path, world, as_user, client, role, status):
    browser = client if role == "anonymous" else as_user(getattr(world, role))
    assert post(browser, path, {"email": NEW, "role": "editor"}).status_code == status
    made = int(status == 201)
    assert ProjectInvitation.objects.count() == len(waiting()) == made
    assert browser.get(path).status_code == (200 if made else status)
    page = browser.post(f"/projects/{world.project.pk}/invitations", {"who": NEW, "role": "viewer"})
    assert page.status_code in ({400} if made else {302, 403, 404})
    assert ProjectInvitation.objects.count() == made


def test_a_key_narrowed_to_the_project_lets_nobody_into_the_team(path, world):
    client = AuditedAPIClient().with_key(
        make_key(world.team_admin, project_ids=[world.project.pk])[1]
    )
    assert post(client, path, {"email": NEW}).status_code == 403
    assert not ProjectInvitation.objects.exists()


def test_the_mail_names_the_project(path, world, as_user):
    answer = post(as_user(world.team_admin), path, {"email": NEW, "role": "editor"})
    assert answer.status_code == 201
    (message,) = delivered()
    assert (message.to, message.subject) == ([NEW], "You are invited to a project")
    assert "the project “Private”" in message.body
    assert link_in(message).startswith("/invitations/")


def test_who_accepts_comes_into_the_project_and_as_a_member_into_its_team(invited, world, as_user):
    browser = as_user(world.outsider)
    (shown,) = listed(browser)
    assert (shown["kind"], shown["role"]) == ("project", "editor")
    assert shown["project"] == {"id": world.project.pk, "name": "Private"}
    assert shown["team"] == {"id": world.alpha.pk, "name": "Alpha"}
    assert browser.get(f"/api/projects/{world.project.pk}").status_code == 404
    assert accept(browser, invited) == 204
    assert roles(world, world.outsider) == ("member", "editor")
    assert browser.get(f"/api/projects/{world.project.pk}").json()["is_editable"]
    actions = Entry.objects.acts().filter(actor_email=world.outsider.email).order_by("id")
    assert list(actions.values_list("action", flat=True)) == [
        "project_invitation.accept",
        "team.member_add",
        "project.member_add",
    ]


def test_a_member_of_the_team_stays_what_they_are_in_it(mailbox, world, as_user):
    made = invite_to_project(
        world.project, email=world.member.email, actor=acting(world.team_admin)
    )
    assert accept(as_user(world.member), made) == 204
    assert roles(world, world.member) == ("member", "viewer")


def test_accepting_raises_nobody_who_has_access_already(invited, world, as_user):
    add_member(world.alpha, world.outsider, actor=SYSTEM)
    ProjectMember.objects.create(project=world.project, user=world.outsider, role="viewer")
    assert accept(as_user(world.outsider), invited) == 204
    assert roles(world, world.outsider) == ("member", "viewer")


def test_declining_lets_nobody_in(invited, world, as_user):
    browser = as_user(world.outsider)
    path = f"/api/invitations/project/{invited.pk}/decline"
    assert post(browser, path).status_code == 204
    assert accept(browser, invited) == 404
    assert roles(world, world.outsider) == (None, None)


@pytest.mark.parametrize("lose", LOSSES)
def test_an_invitation_ends_with_the_right_of_whoever_sent_it(invited, world, as_user, lose):
    lose(world)
    browser = as_user(world.outsider)
    assert listed(browser) == []
    assert accept(browser, invited) == 404
    assert roles(world, world.outsider) == (None, None)


def test_expired_withdrawn_or_of_a_deleted_project_it_is_no_more(invited, world, as_user):
    browser, admin = as_user(world.outsider), as_user(world.team_admin)
    path = f"/api/projects/{world.project.pk}/invitations/{invited.pk}"
    expire(invited)
    assert accept(browser, invited) == 404
    assert post(admin, f"{path}/resend").json()["state"] == "pending"
    assert admin.delete(path).status_code == 204
    assert accept(browser, invited) == 404
    ProjectInvitation.objects.update(state="pending")
    delete_project(world.project, actor=SYSTEM)
    assert accept(browser, invited) == 404
    assert not ProjectInvitation.objects.exists()


def test_whoever_leaves_the_team_has_no_invitation_to_a_project_to_come_back_by(
    mailbox, world, as_user
):
    invite_to_project(world.project, email=world.member.email, actor=acting(world.team_admin))
    membership = Membership.objects.get(user=world.member)
    remove_member(membership, actor=acting(world.team_admin))
    assert states(ProjectInvitation.objects) == [(world.member.email, "revoked")]
    assert listed(as_user(world.member)) == []


def test_whose_access_is_given_or_taken_away_has_no_older_invitation_left(mailbox, world):
    actor = acting(world.team_admin)
    invite_to_project(world.project, email=world.member.email, actor=actor)
    member = add_project_member(world.project, world.member, actor=actor)
    assert states(ProjectInvitation.objects) == [(world.member.email, "revoked")]
    ProjectInvitation.objects.update(state="pending")
    remove_project_member(member, actor=actor)
    assert states(ProjectInvitation.objects) == [(world.member.email, "revoked")]


def test_a_foreign_invitation_is_not_reached_through_ones_own_project(mailbox, world, as_user):
    foreign = invite_to_project(world.other_project, email=NEW, actor=acting(world.outsider_admin))
    browser, path = as_user(world.team_admin), f"/api/projects/{world.project.pk}/invitations"
    assert browser.delete(f"{path}/{foreign.pk}").status_code == 404
    assert post(browser, f"{path}/{foreign.pk}/resend").status_code == 404
    page = f"/projects/{world.project.pk}/invitations/{foreign.pk}/revoke"
    assert browser.post(page).status_code == 404
    with pytest.raises(Forbidden):
        invite_to_project(world.other_project, email=NEW, actor=acting(world.team_admin))
    foreign.refresh_from_db()
    assert foreign.state == "pending"


# --- Pages ---------------------------------------------------------------------------------------


def invite(browser, world, who, role="viewer"):
    path = f"/projects/{world.project.pk}/invitations"
    return browser.post(path, {"who": who, "role": role}, follow=True)


def test_on_the_page_who_is_in_the_team_is_added_and_anybody_else_invited(mailbox, world, as_user):
    browser = as_user(world.team_admin)
    assert "has access" in invite(browser, world, "member").content.decode()
    assert roles(world, world.member) == ("member", "viewer")
    page = invite(browser, world, world.outsider.email, "editor").content.decode()
    assert "is on its way" in page
    assert "Pending invitations" in page
    assert roles(world, world.outsider) == (None, None)
    assert states(ProjectInvitation.objects) == [(world.outsider.email, "pending")]


def test_an_acquaintance_of_another_team_is_invited_by_name(mailbox, world, as_user):
    add_member(world.beta, world.team_admin, actor=SYSTEM)
    page = as_user(world.team_admin).get(f"/projects/{world.project.pk}/access")
    assert f'value="{world.outsider.email}"' in page.content.decode()
    invite(as_user(world.team_admin), world, "Outsider")
    assert states(ProjectInvitation.objects) == [(world.outsider.email, "pending")]


def test_no_stranger_is_suggested(mailbox, world, as_user):
    page = as_user(world.team_admin).get(f"/projects/{world.project.pk}/access").content.decode()
    assert "outsider" not in page
    assert world.platform_admin.email not in page


def test_what_is_wrong_stands_beside_the_field(mailbox, world, as_user):
    browser = as_user(world.team_admin)
    for who, words in (
        ("Nobody at all", "Nobody you know has this name."),
        ("a@b", "Enter an e-mail address."),
        (world.editor.email, "already has access"),
    ):
        answer = invite(browser, world, who)
        assert answer.status_code == 400
        assert words in answer.content.decode()
    assert not ProjectInvitation.objects.exists()


def test_editors_see_who_has_access_and_no_invitation(invited, world, as_user):
    page = as_user(world.editor).get(f"/projects/{world.project.pk}/access").content.decode()
    assert world.viewer.email in page
    assert world.outsider.email not in page
    assert "Invite" not in page


def test_an_invitation_is_sent_again_and_withdrawn_on_the_page(invited, world, as_user):
    browser, path = as_user(world.team_admin), f"/projects/{world.project.pk}/invitations"
    delivered()
    assert browser.post(f"{path}/{invited.pk}/resend").status_code == 302
    assert len(delivered()) == 1
    assert browser.post(f"{path}/{invited.pk}/revoke").status_code == 302
    assert states(ProjectInvitation.objects) == [(world.outsider.email, "revoked")]
    page = browser.post(f"{path}/{invited.pk}/revoke", follow=True)
    assert "has been answered or withdrawn" in page.content.decode()


def test_operators_see_invitations_and_change_none(invited, world, as_user):
    admin, home = as_user(world.platform_admin), "/admin/projects/projectinvitation/"
    for path in (home, f"{home}?q=outsider", f"{home}{invited.pk}/change/"):
        page = admin.get(path)
        assert page.status_code == 200
        assert world.outsider.email in page.content.decode()
        assert "digest" not in page.content.decode()
    for path in (f"{home}add/", f"{home}{invited.pk}/change/", f"{home}{invited.pk}/delete/"):
        assert admin.post(path, {"state": "accepted", "post": "yes"}).status_code == 403
    assert states(ProjectInvitation.objects) == [(world.outsider.email, "pending")]
    assert User.objects.filter(email=world.outsider.email).exists()
    assert Project.objects.filter(pk=world.project.pk).exists()
