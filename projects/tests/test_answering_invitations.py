"""From a mail to a team: the link, the page, and accounts that are made by it."""

import pytest

from accounts.models import User
from accounts.sections import AuthenticationSection
from accounts.services import create_by_link
from accounts.services.links import TOKEN_LENGTH
from audit.models import Entry
from projects.models import ProjectInvitation, ProjectMember
from projects.services import accept_as_newcomer, invite_to_project
from restai_site.lib.configuration import overridden
from restai_site.lib.errors import Forbidden, NotFound
from restai_site.tests.canaries import watch
from restai_site.tests.mailbox import delivered, link_in, token_in
from restai_site.tests.parallel import at_once
from restai_site.tests.world import SYSTEM, acting, make_world
from teams.invitations import NEWCOMER
from teams.models import Invitation, Membership
from teams.sections import TeamsSection
from teams.services import invite_to_team
from teams.tests.invitations import LOSSES, expire

pytestmark = pytest.mark.django_db
NEW = "new@example.org"
PAGE = "/invitations/answer"
PASSWORD = "unusual staple of horses"
FORM = {"name": "Ada", "password": PASSWORD}


@pytest.fixture
def accounts_are_made():
    with overridden(TeamsSection, invite_without_account=True):
        yield


def mailed(world, email=NEW, **values):
    """Return the path of the link in the mail of a new invitation to alpha."""
    invite_to_team(world.alpha, email=email, actor=acting(world.team_admin), **values)
    (message,) = delivered()
    watch(f"invitation of {email}", token_in(message))
    return link_in(message)


def follow(browser, link):
    answer = browser.get(link)
    return browser.get(answer.url) if answer.status_code == 302 else answer


def belongs(email, team):
    return Membership.objects.filter(user__email=email, team=team).exists()


# --- With an account -----------------------------------------------------------------------------


def test_the_address_with_the_token_is_left_at_once(mailbox, world, client):
    link = mailed(world)
    answer = client.get(link)
    assert (answer.status_code, answer.url) == (302, PAGE)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    page = client.get(PAGE).content.decode()
    assert link.rpartition("/")[2] not in page


def test_the_person_who_is_invited_accepts_on_the_page(mailbox, world, as_user):
    browser = as_user(world.outsider)
    page = follow(browser, mailed(world, world.outsider.email)).content.decode()
    assert "the team “Alpha”" in page
    assert world.team_admin.email in page
    invitation = Invitation.objects.get()
    answer = browser.post(f"/invitations/team/{invitation.pk}/accept")
    assert (answer.status_code, answer.url) == (302, f"/teams/{world.alpha.pk}")
    assert belongs(world.outsider.email, world.alpha)


def test_declining_on_the_page_leads_to_ones_list(mailbox, world, as_user):
    browser = as_user(world.outsider)
    follow(browser, mailed(world, world.outsider.email))
    invitation = Invitation.objects.get()
    answer = browser.post(f"/invitations/team/{invitation.pk}/decline", follow=True)
    assert answer.redirect_chain == [("/invitations", 302)]
    assert "No invitation waits for you" in answer.content.decode()
    assert not belongs(world.outsider.email, world.alpha)


def test_somebody_else_is_told_to_sign_in_as_the_right_one_who_is_not_named(
    mailbox, world, as_user
):
    link = mailed(world, world.outsider.email)
    for user in (world.outsider_admin, world.member, world.platform_admin):
        answer = follow(as_user(user), link)
        page = answer.content.decode()
        assert answer.status_code == 403
        assert "for somebody else" in page
        assert world.outsider.email not in page
        assert "Alpha" not in page.partition("<main")[2]
    assert not belongs(world.outsider.email, world.alpha)


def test_whoever_has_yet_to_sign_in_goes_to_the_log_in_and_back_to_their_invitations(
    mailbox, world, client, as_user
):
    page = follow(client, mailed(world, world.outsider.email)).content.decode()
    assert 'href="/login?next=/invitations"' in page
    assert 'name="password"' not in page
    world.outsider.set_password(PASSWORD)
    world.outsider.save()
    form = {"email": world.outsider.email, "password": PASSWORD}
    answer = client.post("/login?next=/invitations", form, follow=True)
    assert answer.redirect_chain == [("/invitations", 302)]
    assert "Alpha" in answer.content.decode()


def test_the_menu_says_how_many_invitations_wait(mailbox, world, as_user):
    browser = as_user(world.outsider)
    assert "waiting</span>" not in browser.get("/projects").content.decode()
    mailed(world, world.outsider.email)
    page = browser.get("/projects").content.decode()
    assert 'count-mark">1<span class="visually-hidden"> waiting' in page
    assert "waiting</span>" not in as_user(world.member).get("/projects").content.decode()


@pytest.mark.parametrize(
    "end", ["accepted", "declined", "withdrawn", "expired", "lost", "sent again"]
)
def test_a_link_that_does_not_hold_any_more_shows_one_calm_page(
    mailbox, world, as_user, client, end
):
    link = mailed(world, world.outsider.email)
    client.get(link)
    invitation = Invitation.objects.get()
    admin, path = as_user(world.team_admin), f"/teams/{world.alpha.pk}/invitations/{invitation.pk}"
    if end in {"accepted", "declined"}:
        verb = {"accepted": "accept", "declined": "decline"}[end]
        as_user(world.outsider).post(f"/invitations/team/{invitation.pk}/{verb}")
    elif end == "withdrawn":
        admin.post(f"{path}/revoke")
    elif end == "expired":
        expire(invitation)
    elif end == "lost":
        LOSSES[0](world)
    else:
        admin.post(f"{path}/resend")
    for browser in (client, as_user(world.outsider), as_user(world.member)):
        for address in (link, PAGE):
            answer = browser.get(address)
            assert answer.status_code == 404
            assert "does not hold any more" in answer.content.decode()


@pytest.mark.parametrize("token", ["x", "null", "0", "[]", "é" * 43, "x" * TOKEN_LENGTH, "a" * 64])
def test_what_is_no_token_opens_nothing(mailbox, world, client, token):
    mailed(world)
    assert client.get(f"/invitations/{token}").status_code == 404
    stored = Invitation.objects.get().digest
    for guess in (stored, stored[:TOKEN_LENGTH]):
        assert client.get(f"/invitations/{guess}").status_code == 404


def test_following_a_link_answers_nothing(mailbox, world, as_user):
    """What looks into mails for people follows links, too."""
    link = mailed(world, world.outsider.email)
    for browser in (as_user(world.outsider), as_user(world.member)):
        follow(browser, link)
        browser.head(link)
    assert Invitation.objects.get().state == "pending"


# --- Without an account --------------------------------------------------------------------------


def test_unless_it_is_switched_on_no_account_is_made_and_the_page_says_what_to_do(
    mailbox, world, client
):
    before = User.objects.count()
    page = follow(client, mailed(world)).content.decode()
    assert "You have no account yet?" in page
    answer = client.post(PAGE, FORM)
    assert answer.status_code == 200
    assert 'name="password"' not in answer.content.decode()
    assert User.objects.count() == before
    assert Invitation.objects.get().state == "pending"


def test_a_newcomer_chooses_a_password_and_is_in_the_team(
    mailbox, world, client, accounts_are_made
):
    page = follow(client, mailed(world)).content.decode()
    assert NEW in page
    answer = client.post(PAGE, FORM)
    assert (answer.status_code, answer.url) == (302, "/chat")
    made = User.objects.get(email=NEW)
    assert made.check_password(PASSWORD)
    assert (made.name, made.is_active) == ("Ada", True)
    assert (made.is_platform_admin, made.is_restricted) == (False, False)
    assert list(made.memberships.values_list("team__name", "role")) == [("Alpha", "member")]
    assert client.get("/profile").status_code == 200
    assert Invitation.objects.get().state == "accepted"
    actions = Entry.objects.filter(actor_email=NEW, credential=NEWCOMER).order_by("id")
    assert list(actions.values_list("action", flat=True)) == [
        "team_invitation.accept",
        "team.member_add",
    ]
    assert Entry.objects.filter(action="user.create_by_link").count() == 1


def test_a_newcomer_to_a_project_comes_into_its_team_as_a_member(
    mailbox, world, client, accounts_are_made
):
    actor = acting(world.team_admin)
    invite_to_project(world.project, email=NEW, role="editor", actor=actor)
    (message,) = delivered()
    follow(client, link_in(message))
    assert client.post(PAGE, FORM).status_code == 302
    assert belongs(NEW, world.alpha)
    assert ProjectMember.objects.get(user__email=NEW).role == "editor"
    assert ProjectInvitation.objects.get().state == "accepted"


def test_a_weak_password_makes_nothing_and_the_link_stays(
    mailbox, world, client, accounts_are_made
):
    follow(client, mailed(world))
    assert client.post(PAGE, {"name": "Ada", "password": "short"}).status_code == 400
    assert not User.objects.filter(email=NEW).exists()
    assert client.post(PAGE, FORM).status_code == 302


def test_a_form_gives_nothing_but_name_and_password(mailbox, world, client, accounts_are_made):
    follow(client, mailed(world))
    more = {"email": "root@example.org", "is_platform_admin": "on", "role": "admin", "team": "1"}
    assert client.post(PAGE, {**FORM, **more}).status_code == 302
    made = User.objects.get(email=NEW)
    assert not made.is_platform_admin
    assert made.memberships.get().role == "member"
    assert not User.objects.filter(email="root@example.org").exists()


def test_where_only_providers_lead_in_no_account_is_made(mailbox, world, client, accounts_are_made):
    link = mailed(world)
    with overridden(AuthenticationSection, local_sign_in=False):
        page = follow(client, link).content.decode()
        assert 'name="password"' not in page
        client.post(PAGE, FORM)
        with pytest.raises(Forbidden):
            create_by_link(email=NEW, name="", password=PASSWORD, actor=SYSTEM)
    assert not User.objects.filter(email=NEW).exists()


def test_an_invitation_by_a_key_makes_no_account(mailbox, world, client, api_as, accounts_are_made):
    """It would outlive the key."""
    answer = api_as(world.team_admin).post(
        f"/api/teams/{world.alpha.pk}/invitations", {"email": NEW}, format="json"
    )
    assert answer.status_code == 201
    (message,) = delivered()
    assert "You have no account yet?" in follow(client, link_in(message)).content.decode()
    client.post(PAGE, FORM)
    assert not User.objects.filter(email=NEW).exists()


@pytest.mark.parametrize("email", ["outsider@example.org", "platform-admin@example.org"])
def test_whoever_has_an_account_gets_no_second_and_no_new_password(
    mailbox, world, client, accounts_are_made, email
):
    before = User.objects.get(email=email).password
    follow(client, mailed(world, email))
    assert client.post(PAGE, FORM).status_code == 200
    after = User.objects.get(email=email)
    assert after.password == before
    assert client.get("/profile").status_code == 302
    assert not belongs(email, world.alpha)


@pytest.mark.parametrize("lose", LOSSES)
def test_who_has_lost_the_right_to_invite_makes_no_accounts(
    mailbox, world, client, accounts_are_made, lose
):
    follow(client, mailed(world))
    lose(world)
    assert client.post(PAGE, FORM).status_code == 404
    assert not User.objects.filter(email=NEW).exists()


def test_an_account_by_link_goes_through_no_other_door(mailbox, world, accounts_are_made):
    """Without the digest of a link that holds, nothing is made."""
    invite_to_team(world.alpha, email=NEW, actor=acting(world.team_admin))
    for digest in (None, "", 0, [], "a" * 64, True):
        with pytest.raises(NotFound):
            accept_as_newcomer(digest, name="", password=PASSWORD, actor=SYSTEM)
    assert not User.objects.filter(email=NEW).exists()


@pytest.mark.django_db(transaction=True)
def test_of_parallel_newcomers_with_one_link_one_is_made(mailbox, accounts_are_made):
    world = make_world()
    mailed(world)
    digest = Invitation.objects.get().digest

    def come_in():
        accept_as_newcomer(digest, name="", password=PASSWORD, actor=SYSTEM)

    outcomes = at_once(*[come_in] * 4)
    assert outcomes.count("done") == 1
    assert User.objects.filter(email=NEW).count() == 1
    assert Membership.objects.filter(user__email=NEW).count() == 1
