"""Invitations and moving a project in a real browser."""

import os
from pathlib import Path

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from accounts.models import User
from configuration.services import update_section
from projects.models import Project, ProjectInvitation
from restai_site.tests.background import waiting
from restai_site.tests.browser import EACH_LOOK
from restai_site.tests.mailbox import delivered, link_in, mail_set_up
from restai_site.tests.world import SYSTEM, acting, make_key, make_user
from teams.models import Invitation, Membership
from teams.sections import TeamsSection
from teams.services import add_member, invite_to_team, set_grants
from teams.tests.invitations import expire

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG = "somebody-with-a-rather-long-name.and-more-of-it@department.example.org"
# Where to leave pictures of the pages, for people to look at; nowhere unless somebody asks.
PICTURES = os.environ.get("PICTURES", "")


@pytest.fixture
def inviting(world):
    """A team and a project with invitations of every kind, and somebody who is invited to both."""
    cache.clear()
    waiting()
    User.objects.filter(pk=world.team_admin.pk).update(name="Grace Hopper")
    world.team_admin.refresh_from_db()
    sent = {"invited_by": world.team_admin, "sent_in_person": True}
    for number, email in enumerate((world.outsider.email, LONG, "late@example.org")):
        role = "admin" if number else "member"
        row = Invitation.objects.create(team=world.alpha, email=email, role=role, **sent)
        other = ProjectInvitation.objects.create(project=world.project, email=email, **sent)
    expire(row)
    expire(other)
    add_member(world.beta, world.team_admin, role="admin", actor=SYSTEM)
    set_grants(world.beta, {"llms": [world.llm, world.other_llm]}, actor=SYSTEM)
    make_key(world.editor, project_ids=[world.project.pk])
    return world


def picture(visitor, name):
    if PICTURES:
        path = Path(PICTURES) / f"{name}.png"
        visitor.page.screenshot(path=path, full_page=True)


def wrong_with(visitor, name):
    picture(visitor, name)
    return [*visitor.axe(), *[f"{visitor.overflow()} px"] * (visitor.overflow() > 0)]


@EACH_LOOK
def test_axe_finds_no_violation_and_nothing_is_too_wide(visit, inviting, scheme, width):
    world = inviting
    project = f"/projects/{world.project.pk}"
    pages = {
        "team": (world.team_admin, f"/teams/{world.alpha.pk}"),
        "access": (world.team_admin, f"{project}/access"),
        "settings": (world.team_admin, f"{project}/settings"),
        "move": (world.team_admin, f"{project}/move"),
        "moving": (world.team_admin, f"{project}/move?new_team={world.beta.pk}"),
        "mine": (world.outsider, "/invitations"),
        "none": (world.member, "/invitations"),
        "gone": (world.member, "/invitations/answer"),
    }
    wrong = {}
    for name, (user, path) in pages.items():
        User.objects.filter(pk=user.pk).update(theme=scheme)
        visitor = visit(user, width=width, scheme=scheme)
        visitor.go(path)
        if found := wrong_with(visitor, f"{name}-{width}-{scheme}"):
            wrong[path] = found
        assert visitor.troubles == []
    assert wrong == {}


@EACH_LOOK
def test_the_pages_behind_a_mailed_link_are_sound(visit, inviting, scheme, width):
    world = inviting
    with mail_set_up():
        actor = acting(world.team_admin)
        invite_to_team(world.beta, email="new@example.org", role="admin", actor=actor)
        (message,) = delivered()
        make_user("new")
        invited = User.objects.get(email="new@example.org")
    wrong = {}
    people = {"right": invited, "wrong": world.member, "nobody": None}
    for name, user in people.items():
        visitor = visit(user, width=width, scheme=scheme)
        visitor.go(link_in(message))
        expect(visitor.page).to_have_url(visitor.address + "/invitations/answer")
        if found := wrong_with(visitor, f"link-{name}-{width}-{scheme}"):
            wrong[name] = found
    User.objects.filter(pk=invited.pk).delete()
    update_section(TeamsSection, {"invite_without_account": True}, actor=SYSTEM)
    visitor = visit(None, width=width, scheme=scheme)
    visitor.go(link_in(message))
    expect(visitor.page.get_by_label("New password")).to_be_visible()
    if found := wrong_with(visitor, f"link-newcomer-{width}-{scheme}"):
        wrong["newcomer"] = found
    assert wrong == {}


def test_somebody_is_invited_accepts_and_is_in_the_team(visit, inviting):
    world = inviting
    admin = visit(world.team_admin)
    admin.go(f"/teams/{world.alpha.pk}")
    admin.page.get_by_label("Name or e-mail address").fill(world.outsider_admin.email)
    with mail_set_up():
        admin.page.get_by_role("button", name="Add or invite").click()
        # She shares a team with the admin, so she comes in at once.
        expect(admin.page.get_by_text("is now in the team")).to_be_visible()
    assert Membership.objects.filter(user=world.outsider_admin, team=world.alpha).exists()
    person = visit(world.outsider)
    person.go("/projects")
    person.page.locator(".sidebar-foot").get_by_role("link", name="Invitations").click()
    card = person.page.get_by_role("listitem").filter(has_text="A team, as member.")
    card.get_by_role("button", name="Accept the invitation to Alpha").click()
    expect(person.page.get_by_text("Welcome to “Alpha”.")).to_be_visible()
    assert Membership.objects.filter(user=world.outsider, team=world.alpha).exists()
    assert person.troubles == admin.troubles == []


def test_an_invitation_is_withdrawn_in_the_table(visit, inviting):
    world = inviting
    admin = visit(world.team_admin)
    # Tall enough that nothing scrolls: that closes menus.
    admin.page.set_viewport_size({"width": 1280, "height": 2000})
    admin.go(f"/projects/{world.project.pk}/access")
    admin.page.get_by_label(f"Actions for the invitation to {LONG}").click()
    row = admin.page.get_by_role("row").filter(has_text=LONG)
    row.locator("[commandfor]").filter(has_text="Withdraw").first.click()
    dialog = admin.page.get_by_role("dialog", name="Withdraw this invitation?")
    dialog.get_by_role("button", name="Withdraw").click()
    expect(admin.page.get_by_text("is withdrawn")).to_be_visible()
    assert ProjectInvitation.objects.get(email=LONG).state == "revoked"


def test_a_project_is_moved_after_a_look_at_what_that_changes(visit, inviting):
    world = inviting
    admin = visit(world.team_admin)
    admin.go(f"/projects/{world.project.pk}/settings")
    admin.page.get_by_role("link", name="Move project").click()
    admin.page.get_by_label("New team").select_option(label="Beta")
    admin.page.get_by_role("button", name="Show what changes").click()
    expect(admin.page.get_by_text(world.editor.email)).to_be_visible()
    admin.page.get_by_role("button", name="Move to Beta").click()
    expect(admin.page.get_by_text("now belongs to “Beta”")).to_be_visible()
    assert Project.objects.get(pk=world.project.pk).team == world.beta
    assert admin.troubles == []
