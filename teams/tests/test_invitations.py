"""Invitations to teams: who sends them, what they hold, and who answers them."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.services import suspend_user
from audit.models import Entry
from restai_site.lib.errors import Forbidden, TooManyRequests
from restai_site.tests.background import run_queued, waiting
from restai_site.tests.canaries import watch
from restai_site.tests.clients import AuditedAPIClient
from restai_site.tests.limits import redis_away
from restai_site.tests.mailbox import delivered, link_in, token_in
from restai_site.tests.parallel import at_once
from restai_site.tests.tables import tables_holding
from restai_site.tests.world import SYSTEM, acting, make_key, make_user, make_world
from teams.invitations import name_in_mail
from teams.models import Invitation, Membership
from teams.services import (
    accept_team_invitation,
    add_member,
    change_role,
    create_team,
    invite_to_team,
    remove_member,
    rename_team,
    resend_team_invitation,
    revoke_team_invitation,
)
from teams.tests.invitations import LOSSES, expire, listed, post, states

pytestmark = pytest.mark.django_db
NEW = "new@example.org"


@pytest.fixture
def path(mailbox, world):
    return f"/api/teams/{world.alpha.pk}/invitations"


@pytest.fixture
def invited(mailbox, world):
    """An invitation of the outsider to alpha, sent by its admin."""
    return invite_to_team(world.alpha, email=world.outsider.email, actor=acting(world.team_admin))


def role_of(user, team):
    return Membership.objects.filter(user=user, team=team).values_list("role", flat=True).first()


# --- Sending -------------------------------------------------------------------------------------


def test_a_team_admin_invites_and_a_mail_brings_the_link(path, world, as_user):
    answer = post(as_user(world.team_admin), path, {"email": " New@Example.org ", "role": "admin"})
    assert answer.status_code == 201
    made = Invitation.objects.get()
    assert made.expires_at - made.created_at == pytest.approx(timedelta(days=7), abs=timedelta(1))
    assert (made.email, made.role, made.state) == (NEW, "admin", "pending")
    assert (made.invited_by, made.sent_in_person) == (world.team_admin, True)
    assert answer.json()["invited_by"]["email"] == world.team_admin.email
    assert "digest" not in answer.json()
    (message,) = delivered()
    assert (message.to, message.subject) == ([NEW], "You are invited to a team")
    assert "Team_Admin invites you to the team “Alpha”" in message.body
    assert link_in(message).startswith("/invitations/")
    entry = Entry.objects.filter(action="team_invitation.create").get()
    assert (entry.actor_email, entry.team_id) == (world.team_admin.email, world.alpha.pk)
    assert entry.changes == {"email": NEW, "role": "admin"}


def test_the_token_is_in_the_mail_alone(path, world, as_user):
    answer = post(as_user(world.team_admin), path, {"email": NEW})
    (job,) = run_queued()
    from django.core import mail

    token = watch("team invitation", token_in(mail.outbox[-1]))
    assert token not in job.text
    assert token.encode() not in answer.content
    assert tables_holding(token) == []


def test_the_answer_is_the_same_whoever_has_the_address(path, world, as_user):
    """Nobody, somebody in another team, an administrator, and somebody who is suspended."""
    suspend_user(world.outsider_admin, actor=SYSTEM)
    addresses = [
        NEW,
        world.outsider.email,
        world.platform_admin.email,
        world.outsider_admin.email,
    ]
    browser, page = as_user(world.team_admin), f"/teams/{world.alpha.pk}"
    told = []
    for address in addresses:
        answer = post(browser, path, {"email": address})
        body = answer.json()
        assert len(delivered()) == 1
        Invitation.objects.update(state="revoked")
        form = browser.post(page, {"who": address, "role": "member"}, follow=True)
        words = "".join(str(message) for message in form.context["messages"])
        assert "is on its way" in words
        shown = (answer.status_code, sorted(body), body["state"], body["role"])
        told.append((*shown, form.redirect_chain, words.replace(address, "#")))
        assert len(delivered()) == 1
    assert len(set(map(str, told))) == 1


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("anonymous", 401),
        ("outsider", 404),
        ("outsider_admin", 404),
        ("member", 403),
        ("viewer", 403),
        ("editor", 403),
        ("team_admin", 201),
        ("platform_admin", 201),
    ],
)
def test_admins_of_the_team_and_nobody_else_invite(path, world, as_user, client, role, status):
    browser = client if role == "anonymous" else as_user(getattr(world, role))
    assert post(browser, path, {"email": NEW}).status_code == status
    made = int(status == 201)
    assert Invitation.objects.count() == len(waiting()) == made
    allowed = {200} if made else {status}
    assert browser.get(path).status_code in allowed


def test_a_key_invites_within_its_limits_alone(path, world):
    def status(**limits):
        client = AuditedAPIClient().with_key(make_key(world.team_admin, **limits)[1])
        return post(client, path, {"email": NEW}).status_code

    assert status(scope="read") == 403
    assert status(scope="chat") == 403
    assert status(project_ids=[world.project.pk]) == 404
    assert not Invitation.objects.exists()
    assert status(team_id=world.alpha.pk) == 201
    assert not Invitation.objects.get().sent_in_person


def test_a_command_sends_no_invitation(mailbox, world):
    with pytest.raises(Forbidden):
        invite_to_team(world.alpha, email=NEW, actor=SYSTEM)


def test_somebody_known_is_invited_by_id_and_a_stranger_is_not(path, world, as_user):
    browser = as_user(world.team_admin)
    answers = [post(browser, path, {"user": pk}) for pk in (world.outsider.pk, 10**9)]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json()["errors"] == answers[1].json()["errors"]
    add_member(world.beta, world.team_admin, actor=SYSTEM)
    assert post(browser, path, {"user": world.outsider.pk}).status_code == 201
    assert Invitation.objects.get().email == world.outsider.email


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": ""},
        {"email": "no address"},
        {"email": "a@b"},
        {"email": f"{'a' * 250}@example.org"},
        {"email": NEW, "role": "owner"},
        {"email": NEW, "user": 1},
        {"email": "a@example.org\nBcc: b@example.org"},
    ],
)
def test_what_is_no_invitation_is_refused(path, world, as_user, body):
    assert post(as_user(world.team_admin), path, body).status_code == 400
    assert not Invitation.objects.exists()


def test_whoever_is_in_the_team_is_not_invited(path, world, as_user):
    answer = post(as_user(world.team_admin), path, {"email": world.member.email})
    assert answer.status_code == 409
    answer = post(as_user(world.team_admin), path, {"email": world.team_admin.email})
    assert answer.status_code == 409
    assert not Invitation.objects.exists()


def test_an_address_has_one_pending_invitation_to_a_team(path, world, as_user):
    browser = as_user(world.team_admin)
    assert post(browser, path, {"email": NEW}).status_code == 201
    assert post(browser, path, {"email": NEW.upper()}).status_code == 409
    made = Invitation.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Invitation.objects.create(team=world.alpha, email=NEW, invited_by=world.team_admin)
    expire(made)
    assert post(browser, path, {"email": NEW}).status_code == 201
    assert states(Invitation.objects) == [(NEW, "pending"), (NEW, "revoked")]


def test_the_database_keeps_addresses_in_one_spelling(world):
    with pytest.raises(IntegrityError), transaction.atomic():
        Invitation.objects.create(team=world.alpha, email="New@example.org")


def test_one_person_sends_fifty_in_an_hour_whatever_the_team(path, world, as_user):
    actor = acting(world.platform_admin)
    for number in range(50):
        team = world.alpha if number % 2 else world.beta
        invite_to_team(team, email=f"a{number}@example.org", actor=actor)
    with pytest.raises(TooManyRequests):
        resend_team_invitation(Invitation.objects.first(), actor=actor)
    answer = post(as_user(world.platform_admin), path, {"email": NEW})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert Invitation.objects.count() == 50
    assert post(as_user(world.team_admin), path, {"email": NEW}).status_code == 201


def test_without_redis_nobody_is_invited_and_it_is_said(path, world, as_user, settings):
    browser = as_user(world.team_admin)
    with redis_away(settings):
        assert post(browser, path, {"email": NEW}).status_code == 503
    assert not Invitation.objects.exists()


# --- What the mail says --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "Visit https://evil.example now",
        "evil.example",
        "//evil",
        "write to me@evil.example",
        "a\u202eb",
        "",
    ],
)
def test_no_name_becomes_a_link_in_a_mail_to_a_stranger(name):
    assert name_in_mail(name, "Somebody") == "Somebody"


def test_a_name_stays_on_one_line_and_short():
    assert name_in_mail("Ada\r\nBcc: x", "") == "Ada Bcc: x"
    assert name_in_mail("a" * 200, "") == "a" * 60


def test_what_a_team_is_called_cannot_put_a_link_into_the_mail(path, world, as_user):
    rename_team(world.alpha, name="Click http://evil.example", actor=SYSTEM)
    post(as_user(world.team_admin), path, {"email": NEW})
    (message,) = delivered()
    assert "evil" not in message.body
    assert "invites you to a team at" in message.body


def test_without_a_mail_server_the_invitation_waits_all_the_same(world, as_user):
    invite_to_team(world.alpha, email=world.outsider.email, actor=acting(world.team_admin))
    assert delivered() == []
    assert len(listed(as_user(world.outsider))) == 1


# --- Accepting -----------------------------------------------------------------------------------


def test_whoever_is_invited_sees_it_and_comes_in(invited, world, as_user):
    browser = as_user(world.outsider)
    (shown,) = listed(browser)
    assert shown["team"] == {"id": world.alpha.pk, "name": "Alpha"}
    assert (shown["kind"], shown["id"], shown["role"]) == ("team", invited.pk, "member")
    assert (shown["project"], shown["invited_by"]["email"]) == (None, world.team_admin.email)
    assert post(browser, f"/api/invitations/team/{invited.pk}/accept").status_code == 204
    assert role_of(world.outsider, world.alpha) == "member"
    assert listed(browser) == []
    invited.refresh_from_db()
    assert (invited.state, invited.answered_at is None) == ("accepted", False)
    entries = Entry.objects.acts().filter(actor_email=world.outsider.email)
    assert list(entries.values_list("action", flat=True).order_by("id")) == [
        "team_invitation.accept",
        "team.member_add",
    ]
    assert entries.get(action="team.member_add").changes["invited_by"]["id"] == world.team_admin.pk


def test_declining_is_final(invited, world, as_user):
    browser = as_user(world.outsider)
    assert post(browser, f"/api/invitations/team/{invited.pk}/decline").status_code == 204
    assert post(browser, f"/api/invitations/team/{invited.pk}/accept").status_code == 404
    assert role_of(world.outsider, world.alpha) is None
    assert Entry.objects.filter(action="team_invitation.decline").count() == 1


@pytest.mark.parametrize("answer", ["accept", "decline"])
@pytest.mark.parametrize("role", ["outsider_admin", "member", "team_admin", "platform_admin"])
def test_nobody_answers_for_somebody_else(invited, world, as_user, role, answer):
    browser = as_user(getattr(world, role))
    assert listed(browser) == []
    assert post(browser, f"/api/invitations/team/{invited.pk}/{answer}").status_code == 404
    assert browser.post(f"/invitations/team/{invited.pk}/{answer}").status_code == 404
    invited.refresh_from_db()
    assert invited.state == "pending"


@pytest.mark.parametrize("answer", ["accept", "decline"])
def test_no_key_answers(invited, world, answer):
    path = f"/api/invitations/team/{invited.pk}/{answer}"
    for limits in ({}, {"scope": "read"}, {"scope": "chat"}, {"team_id": world.beta.pk}):
        client = AuditedAPIClient().with_key(make_key(world.outsider, **limits)[1])
        assert post(client, path).status_code == 403
    invited.refresh_from_db()
    assert invited.state == "pending"
    with pytest.raises(Forbidden):
        accept_team_invitation(invited, actor=acting(world.outsider, session_id=None))


def test_a_narrowed_key_sees_no_invitation(invited, world, api_as):
    assert len(listed(api_as(world.outsider))) == 1
    narrowed = AuditedAPIClient().with_key(make_key(world.outsider, team_id=world.beta.pk)[1])
    assert listed(narrowed) == []


def test_nobody_answers_in_somebody_elses_name(invited, world, as_user):
    browser = as_user(world.platform_admin)
    answer = post(
        browser,
        "/api/auth/impersonation",
        {"user": world.outsider.pk, "reason": "A request for help"},
    )
    assert answer.status_code in {200, 201, 204}, answer.content
    assert len(listed(browser)) == 1
    for path in (f"/api/invitations/team/{invited.pk}", f"/invitations/team/{invited.pk}"):
        assert browser.post(f"{path}/accept").status_code == 403
    assert role_of(world.outsider, world.alpha) is None


def test_a_restricted_user_answers_and_can_write_no_more_than_before(mailbox, world, as_user):
    invite_to_team(
        world.alpha, email=world.outsider.email, role="admin", actor=acting(world.platform_admin)
    )
    User.objects.filter(pk=world.outsider.pk).update(is_restricted=True)
    browser = as_user(world.outsider)
    invitation = Invitation.objects.get()
    assert post(browser, f"/api/invitations/team/{invitation.pk}/accept").status_code == 204
    assert role_of(world.outsider, world.alpha) == "admin"
    team = f"/api/teams/{world.alpha.pk}"
    assert post(browser, f"{team}/invitations", {"email": NEW}).status_code == 403
    assert browser.delete(f"{team}/members/{world.member.pk}").status_code == 403


def test_accepting_raises_nobody_who_is_in_the_team_already(mailbox, world):
    """Whoever came in as a member by other ways is no admin by an older invitation."""
    invitation = invite_to_team(
        world.alpha, email=world.outsider.email, role="admin", actor=acting(world.team_admin)
    )
    Membership.objects.create(team=world.alpha, user=world.outsider)
    accept_team_invitation(invitation, actor=acting(world.outsider))
    assert role_of(world.outsider, world.alpha) == "member"


def test_an_invitation_to_oneself_raises_nobody(mailbox, world, as_user):
    """By way of another address, which then becomes one's own."""
    invitation = invite_to_team(
        world.alpha, email="second@example.org", role="admin", actor=acting(world.team_admin)
    )
    change_role(Membership.objects.get(user=world.team_admin), role="member", actor=SYSTEM)
    User.objects.filter(pk=world.team_admin.pk).update(email="second@example.org")
    answer = post(as_user(world.team_admin), f"/api/invitations/team/{invitation.pk}/accept")
    assert answer.status_code == 404
    assert role_of(world.team_admin, world.alpha) == "member"


def test_a_change_of_address_takes_the_invitation_along_to_whoever_has_it(invited, world, as_user):
    old = world.outsider.email
    User.objects.filter(pk=world.outsider.pk).update(email="other@example.org")
    assert listed(as_user(world.outsider)) == []
    User.objects.filter(pk=world.outsider_admin.pk).update(email=old)
    assert len(listed(as_user(world.outsider_admin))) == 1


# --- When it does not hold -----------------------------------------------------------------------


@pytest.mark.parametrize("lose", LOSSES)
def test_an_invitation_ends_with_the_right_of_whoever_sent_it(invited, world, as_user, lose):
    browser = as_user(world.outsider)
    assert len(listed(browser)) == 1
    lose(world)
    assert listed(browser) == []
    assert post(browser, f"/api/invitations/team/{invited.pk}/accept").status_code == 404
    assert role_of(world.outsider, world.alpha) is None


@pytest.mark.parametrize("lose", LOSSES)
def test_no_mail_goes_out_for_who_has_lost_the_right(invited, world, lose):
    lose(world)
    assert delivered() == []


def test_another_admin_takes_an_orphaned_invitation_over_by_sending_it_again(
    invited, world, as_user
):
    LOSSES[0](world)
    path = f"/api/teams/{world.alpha.pk}/invitations/{invited.pk}/resend"
    assert post(as_user(world.platform_admin), path).status_code == 200
    invited.refresh_from_db()
    assert invited.invited_by == world.platform_admin
    assert len(listed(as_user(world.outsider))) == 1


def test_an_expired_invitation_is_no_more_and_sent_again_it_is(invited, world, as_user):
    expire(invited)
    browser, admin = as_user(world.outsider), as_user(world.team_admin)
    assert listed(browser) == []
    path = f"/api/teams/{world.alpha.pk}/invitations"
    assert listed(admin, path)[0]["state"] == "expired"
    assert post(browser, f"/api/invitations/team/{invited.pk}/accept").status_code == 404
    assert post(admin, f"{path}/{invited.pk}/resend").json()["state"] == "pending"
    invited.refresh_from_db()
    assert invited.expires_at > timezone.now() + timedelta(days=6)
    assert post(browser, f"/api/invitations/team/{invited.pk}/accept").status_code == 204


def test_a_withdrawn_invitation_is_no_more(invited, world, as_user):
    path = f"/api/teams/{world.alpha.pk}/invitations/{invited.pk}"
    admin = as_user(world.team_admin)
    assert admin.delete(path).status_code == 204
    assert delivered() == []
    answer = post(as_user(world.outsider), f"/api/invitations/team/{invited.pk}/accept")
    assert answer.status_code == 404
    assert admin.get(path).json()["state"] == "revoked"
    assert admin.delete(path).status_code == 409
    assert post(admin, f"{path}/resend").status_code == 409
    assert Entry.objects.filter(action="team_invitation.revoke").count() == 1


def test_a_newer_mail_voids_the_link_of_the_older_one(invited, world, as_user, client):
    (first,) = delivered()
    path = f"/api/teams/{world.alpha.pk}/invitations/{invited.pk}/resend"
    assert post(as_user(world.team_admin), path).status_code == 200
    assert client.get(link_in(first)).status_code == 404
    (second,) = delivered()
    assert client.get(link_in(first)).status_code == 404
    assert client.get(link_in(second)).status_code == 302


def test_whoever_is_added_or_removed_has_no_older_invitation_to_come_back_by(
    invited, world, as_user
):
    membership = add_member(world.alpha, world.outsider, actor=SYSTEM)
    assert states(Invitation.objects) == [(world.outsider.email, "revoked")]
    Invitation.objects.update(state="pending")
    remove_member(membership, actor=acting(world.team_admin))
    assert states(Invitation.objects) == [(world.outsider.email, "revoked")]
    assert listed(as_user(world.outsider)) == []


def test_a_foreign_invitation_is_not_reached_through_ones_own_team(mailbox, world, as_user):
    foreign = invite_to_team(world.beta, email=NEW, actor=acting(world.outsider_admin))
    browser, path = as_user(world.team_admin), f"/api/teams/{world.alpha.pk}/invitations"
    assert browser.delete(f"{path}/{foreign.pk}").status_code == 404
    assert post(browser, f"{path}/{foreign.pk}/resend").status_code == 404
    page = f"/teams/{world.alpha.pk}/invitations/{foreign.pk}"
    assert browser.post(f"{page}/revoke").status_code == 404
    with pytest.raises(Forbidden):
        revoke_team_invitation(foreign, actor=acting(world.team_admin))
    foreign.refresh_from_db()
    assert foreign.state == "pending"
    assert listed(browser, path) == []


def test_lists_take_the_same_queries_however_long(path, world, as_user):
    crowd = make_user("crowd")
    lists = {path: as_user(world.team_admin), "/api/invitations": as_user(crowd)}
    lists |= {f"/teams/{world.alpha.pk}": as_user(world.team_admin), "/invitations": as_user(crowd)}

    def counts():
        found = {}
        for address, browser in lists.items():
            with CaptureQueriesContext(connection) as queries:
                assert browser.get(address).status_code == 200
            found[address] = len(queries)
        return found

    Invitation.objects.create(team=world.alpha, email=crowd.email, invited_by=world.team_admin)
    few = counts()
    for number in range(18):
        team = create_team(name=f"Team {number}", actor=SYSTEM)
        for where, email in ((team, crowd.email), (world.alpha, f"a{number}@example.org")):
            Invitation.objects.create(team=where, email=email, invited_by=world.platform_admin)
    assert counts() == few
    assert max(few.values()) <= 12


# --- Two at once ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_parallel_answers_one_counts(mailbox):
    world = make_world()
    for number in range(5):
        person = make_user(f"person{number}")
        actor = acting(person)
        made = invite_to_team(world.alpha, email=person.email, actor=acting(world.team_admin))
        accept = partial(accept_team_invitation, made, actor=actor)
        outcomes = at_once(*[accept] * 4)
        assert outcomes == ["NotFound"] * 3 + ["done"]
        assert Membership.objects.filter(user=person).count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_invitation_is_either_accepted_or_withdrawn(mailbox):
    world = make_world()
    for number in range(5):
        person = make_user(f"person{number}")
        made = invite_to_team(world.alpha, email=person.email, actor=acting(world.team_admin))
        at_once(
            partial(accept_team_invitation, made, actor=acting(person)),
            partial(revoke_team_invitation, made, actor=acting(world.team_admin)),
        )
        made.refresh_from_db()
        assert (made.state == "accepted") == (role_of(person, world.alpha) is not None)


@pytest.mark.django_db(transaction=True)
def test_of_parallel_invitations_to_an_address_one_is_made(mailbox):
    world = make_world()
    actor = acting(world.team_admin)
    outcomes = at_once(*[lambda: invite_to_team(world.alpha, email=NEW, actor=actor)] * 4)
    assert outcomes == ["Conflict"] * 3 + ["done"]
    assert Invitation.objects.count() == 1
