"""Suspending, demoting, restricting and deleting users: what stops, what stays, who may."""

from contextlib import suppress
from uuid import uuid4

import pytest

from accounts.models import ApiKey, Session, User
from accounts.services import (
    activate_user,
    delete_user,
    invite_user,
    suspend_user,
    update_user,
)
from audit.models import Entry
from inference.models import Conversation, Message
from metering.models import UsageRecord
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden, NotFound
from restai_site.tests.world import SYSTEM, make_key, make_user
from teams.models import Membership

pytestmark = pytest.mark.django_db
PASSWORD = "unusual staple of horses"


def actor_for(user, **values):
    given = {"session_id": uuid4(), "is_platform_admin": user.is_platform_admin}
    return Actor(user_id=user.pk, email=user.email, **given | values)


def demote(user, *, actor):
    return update_user(user, {"is_platform_admin": False}, actor=actor)


def restrict(user, *, actor):
    return update_user(user, {"is_restricted": True}, actor=actor)


LOSSES = [suspend_user, demote, restrict, delete_user]
WRITES = [*LOSSES, activate_user]


@pytest.fixture
def admin(world):
    return actor_for(world.platform_admin)


@pytest.fixture
def second(world):
    """Another administrator."""
    return make_user("second", is_platform_admin=True)


def state(user):
    return User.objects.filter(pk=user.pk).values().first()


# --- Suspension ------------------------------------------------------------------------------


def test_a_suspended_user_is_stopped_on_cookie_key_and_log_in(
    world, admin, as_user, api_as, client
):
    world.viewer.set_password(PASSWORD)
    world.viewer.save()
    browser, program = as_user(world.viewer), api_as(world.viewer)
    assert (browser.get("/api/me").status_code, program.get("/api/me").status_code) == (200, 200)
    suspend_user(world.viewer, actor=admin)
    assert (browser.get("/api/me").status_code, program.get("/api/me").status_code) == (401, 401)
    assert browser.get("/profile").status_code == 302
    form = {"email": world.viewer.email, "password": PASSWORD}
    assert client.post("/login", form).status_code == 400
    assert not Session.objects.filter(user=world.viewer).exists()


def test_let_in_again_keys_work_and_sessions_do_not(world, admin, as_user, api_as):
    browser, program = as_user(world.viewer), api_as(world.viewer)
    suspend_user(world.viewer, actor=admin)
    activate_user(world.viewer, actor=admin)
    assert program.get("/api/me").status_code == 200
    assert browser.get("/api/me").status_code == 401


def test_each_step_is_recorded_with_before_and_after(world, admin):
    suspend_user(world.viewer, actor=admin)
    activate_user(world.viewer, actor=admin)
    suspended, activated = Entry.objects.filter(target_id=str(world.viewer.pk)).order_by("id")[:2]
    assert (suspended.action, activated.action) == ("user.suspend", "user.activate")
    assert suspended.changes["is_active"] == {"before": True, "after": False}
    assert suspended.actor_email == "platform-admin@example.org"


def test_suspending_twice_leaves_one_entry(world, admin):
    for _ in range(2):
        suspend_user(world.viewer, actor=admin)
    assert Entry.objects.filter(action="user.suspend").count() == 1


# --- Role ------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"is_platform_admin": True}, {"is_restricted": True}])
def test_a_change_of_role_ends_sessions(world, admin, as_user, change):
    browser = as_user(world.viewer)
    update_user(world.viewer, change, actor=admin)
    assert browser.get("/api/me").status_code == 401


def test_a_change_of_name_ends_none(world, admin, as_user):
    browser = as_user(world.viewer)
    update_user(world.viewer, {"name": "New"}, actor=admin)
    assert browser.get("/api/me").json()["name"] == "New"


def test_a_changed_address_is_told_to_the_old_one(mailbox, world, admin):
    from restai_site.tests.mailbox import delivered

    update_user(world.viewer, {"email": "New@example.org"}, actor=admin)
    (notice,) = delivered()
    assert notice.to == ["viewer@example.org"]
    assert "new@example.org" in notice.body


# --- Who may ---------------------------------------------------------------------------------


@pytest.mark.parametrize("write", WRITES)
def test_nobody_but_an_administrator_in_person_may(world, write):
    others = [
        actor_for(world.team_admin),
        actor_for(world.viewer),
        actor_for(world.outsider_admin),
        actor_for(world.platform_admin, session_id=None, api_key_id=1),
        actor_for(world.platform_admin, session_id=None),
        actor_for(world.platform_admin, impersonator_id=world.viewer.pk),
        actor_for(world.platform_admin, is_restricted=True),
    ]
    before = state(world.editor)
    for actor in others:
        with pytest.raises(Forbidden):
            write(world.editor, actor=actor)
    assert state(world.editor) == before


def test_an_administrators_key_invites_nobody(world):
    actor = actor_for(world.platform_admin, session_id=None, api_key_id=1)
    with pytest.raises(Forbidden):
        invite_user(email="new@example.org", actor=actor)
    assert not User.objects.filter(email="new@example.org").exists()


@pytest.mark.parametrize("loss", LOSSES)
def test_whoever_has_just_lost_the_role_changes_nothing_any_more(world, admin, second, loss):
    loss(second, actor=admin)
    before = state(world.viewer)
    with pytest.raises(Forbidden):
        suspend_user(world.viewer, actor=actor_for(second, is_platform_admin=True))
    assert state(world.viewer) == before


@pytest.mark.parametrize("loss", LOSSES)
def test_nobody_takes_their_own_access_away(world, admin, second, loss):
    before = state(world.platform_admin)
    with pytest.raises(Conflict, match="Ask another administrator"):
        loss(world.platform_admin, actor=admin)
    assert state(world.platform_admin) == before


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("other", ["none", "suspended", "restricted", "invited"])
def test_the_last_administrator_who_can_act_stays_one(world, second, loss, other):
    changes = {
        "none": {"is_platform_admin": False},
        "suspended": {"is_active": False},
        "restricted": {"is_restricted": True},
        "invited": {"invited_at": second.date_joined},
    }
    User.objects.filter(pk=second.pk).update(**changes[other])
    before = state(world.platform_admin)
    with pytest.raises(Conflict, match="at least one active administrator"):
        loss(world.platform_admin, actor=SYSTEM)
    assert state(world.platform_admin) == before


@pytest.mark.parametrize("loss", LOSSES)
def test_of_two_administrators_one_may_go(world, admin, second, loss):
    loss(second, actor=admin)
    assert Entry.objects.acts().latest("id").target_id == str(second.pk)


def test_an_administrator_changes_their_own_address_by_password_and_link_alone(world, admin):
    before = state(world.platform_admin)
    with pytest.raises(Conflict, match="Profile"):
        update_user(world.platform_admin, {"email": "new@example.org"}, actor=admin)
    assert state(world.platform_admin) == before


@pytest.mark.parametrize("field", ["password", "is_active", "second_factor_since", "id"])
def test_fields_that_are_not_offered_are_refused(world, admin, field):
    with pytest.raises(Forbidden):
        update_user(world.viewer, {field: None}, actor=admin)


# --- Deletion --------------------------------------------------------------------------------


def test_deleting_takes_what_is_personal_and_leaves_ledger_and_trail(world, admin, as_user, api_as):
    browser, program = as_user(world.viewer), api_as(world.viewer)
    talk = Conversation.objects.create(project=world.project, user=world.viewer, title="Talk")
    Message.objects.create(conversation=talk, role="user", content="Hello?")
    usage = _usage(world)
    gone = world.viewer.pk
    delete_user(world.viewer, actor=admin)
    assert not User.objects.filter(pk=gone).exists()
    assert not Conversation.objects.filter(pk=talk.pk).exists()
    assert not ApiKey.objects.filter(user_id=gone).exists()
    assert not Membership.objects.filter(user_id=gone).exists()
    assert not Session.objects.filter(user_id=gone).exists()
    assert UsageRecord.objects.get(pk=usage.pk).user_id == gone
    assert (browser.get("/api/me").status_code, program.get("/api/me").status_code) == (401, 401)
    entry = Entry.objects.acts().latest("id")
    assert (entry.action, entry.target_id, entry.target_name) == (
        "user.delete",
        str(gone),
        "viewer@example.org",
    )


def test_pages_and_lists_go_on_with_the_use_of_somebody_who_is_gone(world, admin, as_user):
    _usage(world)
    delete_user(world.viewer, actor=admin)
    browser = as_user(world.platform_admin)
    project = world.project.pk
    for path in ("/", f"/projects/{project}", "/api/usage", "/admin/projects/usagerecord/"):
        answer = browser.get(path)
        assert answer.status_code in {200, 404}, path


def test_deleting_twice_says_that_there_is_nobody(world, admin):
    delete_user(world.viewer, actor=admin)
    with pytest.raises(NotFound):
        delete_user(world.viewer, actor=admin)


def test_the_last_admin_of_a_team_may_go(world, admin):
    delete_user(world.team_admin, actor=admin)
    assert not Membership.objects.filter(team=world.alpha, role="admin").exists()


def test_a_refused_deletion_leaves_everything(world, admin):
    make_key(world.platform_admin)
    with suppress(Conflict):
        delete_user(world.platform_admin, actor=admin)
    assert ApiKey.objects.filter(user=world.platform_admin).count() == 1


def _usage(world):
    return UsageRecord.objects.create(
        project=world.project,
        team=world.alpha,
        user=world.viewer,
        model_name="alpha-llm",
        prompt_tokens=1,
        completion_tokens=1,
        tokens_source="provider",
        latency_ms=1,
        outcome="completed",
    )
