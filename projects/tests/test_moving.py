"""Moving and deleting projects: everything that hangs on them is judged anew."""

from functools import partial

import pytest

from accounts.models import ApiKey
from accounts.services import revoke_api_key
from audit.models import Entry
from catalog.services import update_model
from metering.models import UsageRecord
from projects.models import Project, ProjectInvitation, ProjectMember
from projects.services import (
    add_project_member,
    create_project,
    create_secret,
    delete_project,
    invite_to_project,
    losses_of_move,
    move_project,
    update_project,
)
from projects.signals import project_changed_team, project_deleted
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.tests.clients import AuditedAPIClient
from restai_site.tests.parallel import at_once
from restai_site.tests.world import SYSTEM, acting, make_key, make_user, make_world
from teams.models import Membership
from teams.services import add_member, create_team, remove_member, set_grants
from teams.tests.invitations import listed, post, states

pytestmark = pytest.mark.django_db


def open_beta(world):
    """Let the admin of alpha run beta as well, and grant beta the project's model."""
    add_member(world.beta, world.team_admin, role="admin", actor=SYSTEM)
    set_grants(world.beta, {"llms": [world.other_llm, world.llm]}, actor=SYSTEM)
    return world


@pytest.fixture
def both(mailbox, world):
    return open_beta(world)


def move(world, actor=None, project=None):
    actor = actor or acting(world.team_admin)
    return move_project(project or world.project, world.beta, actor=actor)


def members(project):
    return sorted(project.members.values_list("user__name", flat=True))


# --- Who and where to ----------------------------------------------------------------------------


def test_whoever_runs_both_teams_moves_a_project(both, as_user):
    browser, path = as_user(both.team_admin), f"/api/projects/{both.project.pk}/move"
    answer = post(browser, path, {"team": both.beta.pk})
    assert answer.status_code == 200
    assert answer.json()["team"] == both.beta.pk
    both.project.refresh_from_db()
    assert both.project.team == both.beta
    assert as_user(both.outsider_admin).get(f"/api/projects/{both.project.pk}").status_code == 200
    for user in (both.editor, both.viewer, both.member):
        assert as_user(user).get(f"/api/projects/{both.project.pk}").status_code == 404


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("anonymous", 401),
        ("outsider", 404),
        ("outsider_admin", 404),
        ("member", 404),
        ("viewer", 403),
        ("editor", 403),
        # Runs the one team and does not see the other.
        ("team_admin", 400),
        ("platform_admin", 200),
    ],
)
def test_nobody_else_moves_one(world, as_user, client, role, status):
    set_grants(world.beta, {"llms": [world.llm]}, actor=SYSTEM)
    browser = client if role == "anonymous" else as_user(getattr(world, role))
    path = f"/api/projects/{world.project.pk}/move"
    for body in ({"team": world.beta.pk, "dry_run": True}, {"team": world.beta.pk}):
        assert post(browser, path, body).status_code == status
    if status != 200:
        page = browser.post(f"/projects/{world.project.pk}/move", {"new_team": world.beta.pk})
        assert page.status_code in {302, 400, 403, 404}
    world.project.refresh_from_db()
    assert (world.project.team == world.beta) == (status == 200)


def test_a_mere_member_of_the_new_team_moves_nothing_there(world, as_user):
    add_member(world.beta, world.team_admin, actor=SYSTEM)
    set_grants(world.beta, {"llms": [world.llm]}, actor=SYSTEM)
    path = f"/api/projects/{world.project.pk}/move"
    for dry_run in (True, False):
        body = {"team": world.beta.pk, "dry_run": dry_run}
        assert post(as_user(world.team_admin), path, body).status_code == 403
    with pytest.raises(Forbidden):
        move(world)


def test_a_foreign_project_is_not_taken_into_ones_own_team(world):
    with pytest.raises(Forbidden):
        move_project(world.project, world.beta, actor=acting(world.outsider_admin))
    with pytest.raises(Forbidden):
        losses_of_move(world.project, world.beta, actor=acting(world.outsider_admin))


@pytest.mark.parametrize(
    "limits", [{"scope": "read"}, {"scope": "chat"}, {"project_ids": True}, {"team_id": True}]
)
def test_no_key_that_is_narrowed_moves_a_project(both, limits):
    if "project_ids" in limits:
        limits = {"project_ids": [both.project.pk]}
    if "team_id" in limits:
        limits = {"team_id": both.alpha.pk}
    client = AuditedAPIClient().with_key(make_key(both.team_admin, **limits)[1])
    answer = post(client, f"/api/projects/{both.project.pk}/move", {"team": both.beta.pk})
    # A key of the one team does not see the other.
    assert answer.status_code in {400, 403}
    both.project.refresh_from_db()
    assert both.project.team == both.alpha


def test_a_model_that_is_not_granted_to_the_new_team_is_refused(both):
    set_grants(both.beta, {"llms": [both.other_llm]}, actor=SYSTEM)
    with pytest.raises(Invalid) as refusal:
        move(both)
    assert refusal.value.code == "model_not_granted"
    set_grants(both.beta, {"llms": [both.llm]}, actor=SYSTEM)
    update_model(both.llm, {"enabled": False}, actor=SYSTEM)
    with pytest.raises(Invalid):
        move(both)


def test_a_name_that_is_taken_there_is_refused(both):
    create_project(both.beta, {"name": "Private", "llm": both.llm}, actor=SYSTEM)
    with pytest.raises(Conflict):
        losses_of_move(both.project, both.beta, actor=acting(both.team_admin))
    with pytest.raises(Conflict):
        move(both)


def test_a_move_to_where_it_is_is_refused(both):
    with pytest.raises(Invalid):
        move_project(both.project, both.alpha, actor=acting(both.team_admin))


# --- What ends -----------------------------------------------------------------------------------


def test_assignments_of_people_who_are_not_in_the_new_team_end(both):
    add_member(both.beta, both.viewer, actor=SYSTEM)
    move(both)
    assert members(both.project) == ["Viewer"]


def test_it_is_open_to_members_alone(both, as_user):
    path = f"/api/projects/{both.shared_project.pk}"
    assert as_user(both.member).get(path).status_code == 200
    move(both, project=both.shared_project)
    both.shared_project.refresh_from_db()
    assert both.shared_project.visibility == "members"
    for user in (both.member, both.outsider):
        assert as_user(user).get(path).status_code == 404


def test_invitations_are_withdrawn(both, as_user):
    actor = acting(both.team_admin)
    invite_to_project(both.project, email=both.outsider.email, actor=actor)
    move(both)
    assert states(ProjectInvitation.objects) == [(both.outsider.email, "revoked")]
    assert listed(as_user(both.outsider)) == []


def test_keys_that_reach_nothing_else_are_revoked_and_others_just_reach_less(both, as_user):
    add_member(both.beta, both.viewer, actor=SYSTEM)
    only, two = [both.project.pk], [both.project.pk, both.shared_project.pk]
    keys = {
        "stranded": make_key(both.editor, project_ids=only),
        "has another": make_key(both.editor, project_ids=two),
        "everything": make_key(both.editor),
        "of the old team": make_key(both.editor, team_id=both.alpha.pk),
        "still assigned": make_key(both.viewer, project_ids=only),
        "runs both": make_key(both.team_admin, project_ids=only),
        "platform": make_key(both.platform_admin, project_ids=only),
    }
    path = f"/api/projects/{both.project.pk}"

    def reaching():
        clients = {name: AuditedAPIClient().with_key(key) for name, (_, key) in keys.items()}
        return {name: client.get(path).status_code for name, client in clients.items()}

    assert set(reaching().values()) == {200}
    _, losses = move(both)
    assert losses.keys == 1
    assert reaching() == {
        "stranded": 401,
        "has another": 404,
        "everything": 404,
        "of the old team": 404,
        "still assigned": 200,
        "runs both": 200,
        "platform": 200,
    }
    revoked = ApiKey.objects.exclude(revoked_at=None)
    assert list(revoked) == [keys["stranded"][0]]
    entry = Entry.objects.filter(action="api_key.revoke").get()
    assert entry.target_id == str(revoked.get().pk)


def test_a_key_of_the_new_team_reaches_it_from_then_on(both):
    key = make_key(both.outsider_admin, team_id=both.beta.pk)[1]
    client, path = AuditedAPIClient().with_key(key), f"/api/projects/{both.project.pk}"
    assert client.get(path).status_code == 404
    move(both)
    assert client.get(path).status_code == 200


def test_what_was_used_stays_with_who_paid_for_it(both):
    used = UsageRecord.objects.create(
        project=both.project,
        team=both.alpha,
        user=both.editor,
        model_name="mock",
        prompt_tokens=1,
        completion_tokens=1,
        tokens_source="provider",
        latency_ms=1,
        outcome="completed",
    )
    create_secret(both.project, name="TOKEN", value="x", actor=SYSTEM)
    move(both)
    used.refresh_from_db()
    assert used.team == both.alpha
    assert both.project.secrets.count() == 1
    assert both.project.prompt_versions.count() == 1


def test_both_teams_find_the_move_in_the_trail(both):
    invite_to_project(both.project, email="new@example.org", actor=acting(both.team_admin))
    move(both)
    entries = Entry.objects.filter(action__startswith="project.move").order_by("id")
    assert [(entry.action, entry.team_id) for entry in entries] == [
        ("project.move_out", both.alpha.pk),
        ("project.move", both.beta.pk),
    ]
    changes = entries[0].changes
    assert changes["team"]["after"] == {"id": both.beta.pk, "name": "Beta"}
    assert (len(changes["members_removed"]), changes["invitations_withdrawn"]) == (2, 1)


def test_the_apps_above_are_told_in_the_same_transaction(both):
    told = []

    def moved(sender, *, project, before, after, actor, **_):
        told.append((project, before, after, actor.email))

    def deleted(sender, *, project, actor, **_):
        told.append((project.pk, actor.email))
        raise ZeroDivisionError

    project_changed_team.connect(moved)
    project_deleted.connect(deleted)
    try:
        move(both)
        with pytest.raises(ZeroDivisionError):
            delete_project(both.shared_project, actor=acting(both.team_admin))
    finally:
        project_changed_team.disconnect(moved)
        project_deleted.disconnect(deleted)
    email = both.team_admin.email
    assert told == [
        (both.project, both.alpha, both.beta, email),
        (both.shared_project.pk, email),
    ]
    assert Project.objects.filter(pk=both.shared_project.pk).exists()


# --- What is said before -------------------------------------------------------------------------


def everything():
    models = (Project, ProjectMember, ProjectInvitation, ApiKey)
    rows = [
        *(model.objects.order_by("pk") for model in models),
        Entry.objects.acts().order_by("pk"),
    ]
    return [list(found.values()) for found in rows]


def test_a_dry_run_says_what_a_move_then_does_and_changes_nothing(both, as_user):
    actor = acting(both.team_admin)
    add_member(both.beta, both.viewer, actor=SYSTEM)
    update_project(both.project, {"visibility": "team"}, actor=actor)
    invite_to_project(both.project, email="new@example.org", actor=actor)
    make_key(both.editor, project_ids=[both.project.pk])
    make_key(both.member, project_ids=[both.project.pk])
    browser, path = as_user(both.team_admin), f"/api/projects/{both.project.pk}/move"
    before = everything()
    said = post(browser, path, {"team": both.beta.pk, "dry_run": True}).json()
    assert everything() == before
    assert [person["email"] for person in said["members"]] == [both.editor.email]
    assert (said["keys"], said["invitations"], said["closes_to_team"]) == (2, 1, True)
    assert post(browser, path, {"team": both.beta.pk}).json() == said
    assert ApiKey.objects.exclude(revoked_at=None).count() == 2


def test_the_page_says_what_is_lost_before_the_button(both, as_user):
    browser, path = as_user(both.team_admin), f"/projects/{both.project.pk}/move"
    assert path in browser.get(f"/projects/{both.project.pk}/settings").content.decode()
    page = browser.get(path).content.decode()
    assert "Move to Beta" not in page
    assert "Alpha" not in page.partition("<select")[2].partition("</select>")[0]
    page = browser.get(f"{path}?new_team={both.beta.pk}").content.decode()
    assert both.editor.email in page
    assert "Move to Beta" in page
    both.project.refresh_from_db()
    assert both.project.team == both.alpha
    answer = browser.post(path, {"new_team": both.beta.pk})
    assert (answer.status_code, answer.url) == (302, f"/projects/{both.project.pk}/settings")
    both.project.refresh_from_db()
    assert both.project.team == both.beta


def test_the_page_offers_and_takes_no_team_that_is_not_run(world, as_user):
    browser, path = as_user(world.team_admin), f"/projects/{world.project.pk}/move"
    settings = browser.get(f"/projects/{world.project.pk}/settings").content.decode()
    assert "You run no other team" in settings
    assert "Beta" not in browser.get(path).content.decode()
    for send in (browser.get, browser.post):
        answers = [send(path, {"new_team": pk}) for pk in (world.beta.pk, 10**9, "x")]
        assert [answer.status_code for answer in answers] == [400, 400, 400]
    for user in (world.editor, world.viewer):
        assert as_user(user).get(path).status_code == 403


def test_what_is_wrong_stands_on_the_page(both, as_user):
    set_grants(both.beta, {"llms": [both.other_llm]}, actor=SYSTEM)
    path = f"/projects/{both.project.pk}/move"
    answer = as_user(both.team_admin).get(path, {"new_team": both.beta.pk})
    assert answer.status_code == 400
    assert "not granted to the team" in answer.content.decode()


# --- Deleting ------------------------------------------------------------------------------------


def test_deleting_revokes_keys_that_reach_nothing_else_and_ends_invitations(both, as_user):
    only = make_key(both.editor, project_ids=[both.project.pk])
    two = make_key(both.editor, project_ids=[both.project.pk, both.shared_project.pk])
    gone = make_key(both.viewer, project_ids=[both.project.pk])[0]
    revoke_api_key(gone, actor=acting(both.viewer))
    invite_to_project(both.project, email=both.outsider.email, actor=acting(both.team_admin))
    before = ApiKey.objects.get(pk=gone.pk).revoked_at
    delete_project(both.project, actor=acting(both.team_admin))
    assert AuditedAPIClient().with_key(only[1]).get("/api/me").status_code == 401
    assert AuditedAPIClient().with_key(two[1]).get("/api/me").status_code == 200
    assert ApiKey.objects.get(pk=gone.pk).revoked_at == before
    assert not ProjectInvitation.objects.exists()
    assert listed(as_user(both.outsider)) == []


def test_a_project_that_is_made_anew_under_the_same_name_has_nothing_of_the_old_one(both):
    create_secret(both.project, name="TOKEN", value="x", actor=SYSTEM)
    key = make_key(both.team_admin, project_ids=[both.project.pk, both.shared_project.pk])[1]
    old = both.project.pk
    delete_project(both.project, actor=SYSTEM)
    anew = create_project(both.beta, {"name": "Private", "llm": both.llm}, actor=SYSTEM)
    assert anew.pk != old
    assert (anew.secrets.count(), members(anew), anew.system_prompt) == (0, [], "")
    client = AuditedAPIClient().with_key(key)
    assert client.get(f"/api/projects/{anew.pk}").status_code == 404


# --- Two at once ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_whoever_is_assigned_while_being_removed_from_the_team_keeps_nothing():
    world = make_world()
    for number in range(8):
        person = make_user(f"person{number}")
        membership = add_member(world.alpha, person, actor=SYSTEM)
        at_once(
            partial(add_project_member, world.project, person, actor=acting(world.team_admin)),
            partial(remove_member, membership, actor=acting(world.team_admin)),
        )
        assert not Membership.objects.filter(user=person).exists()
        assert not ProjectMember.objects.filter(user=person).exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_moves_at_once_the_second_finds_it_moved():
    world = open_beta(make_world())
    third = create_team(name="Third", actor=SYSTEM)
    set_grants(third, {"llms": [world.llm]}, actor=SYSTEM)
    actor = acting(world.platform_admin)
    outcomes = at_once(
        partial(move_project, world.project, world.beta, actor=actor),
        partial(move_project, world.project, third, actor=actor),
    )
    assert outcomes == ["Conflict", "done"]


@pytest.mark.django_db(transaction=True)
def test_two_projects_that_pass_each_other_wait_for_no_one():
    world = open_beta(make_world())
    set_grants(world.alpha, {"llms": [world.llm, world.other_llm]}, actor=SYSTEM)
    actor = acting(world.platform_admin)
    for _ in range(4):
        world.project.refresh_from_db()
        world.other_project.refresh_from_db()
        here, there = world.project.team, world.other_project.team
        outcomes = at_once(
            partial(move_project, world.project, there, actor=actor),
            partial(move_project, world.other_project, here, actor=actor),
        )
        assert outcomes == ["done", "done"]


@pytest.mark.django_db(transaction=True)
def test_a_grant_that_is_withdrawn_meanwhile_lets_no_project_in():
    world = open_beta(make_world())
    actor = acting(world.platform_admin)
    for _ in range(4):
        set_grants(world.beta, {"llms": [world.llm]}, actor=SYSTEM)
        at_once(
            partial(move_project, world.project, world.beta, actor=actor),
            partial(set_grants, world.beta, {"llms": []}, actor=SYSTEM),
        )
        world.project.refresh_from_db()
        if world.project.team_id == world.beta.pk:
            # It came first; then it cannot be called, as after any withdrawn grant.
            assert not world.beta.llms.exists()
            move_project(world.project, world.alpha, actor=actor)
