"""People of the directory come in by the log-in page and by Basic, tied to what never changes."""

import base64
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from accounts import limiter
from accounts.directory import groups_read
from accounts.ldap.authentication import AWAY
from accounts.ldap.section import LdapSection
from accounts.ldap.services import NOT_LINKED
from accounts.models import AttemptCounter, LdapAccount, Session, User
from accounts.sections import AuthenticationSection
from accounts.tests.ldap.entering import LOCAL_PASSWORD, is_in, is_refused, local_user, log_in
from accounts.tests.ldap.impostor import Impostor
from audit.models import Entry
from restai_site.lib.configuration import overridden
from restai_site.tests.slapd import PEOPLE, dn_of, group_dn, password_of

pytestmark = pytest.mark.django_db


# --- First sign-in --------------------------------------------------------------------------------
def test_the_first_sign_in_makes_a_restricted_account_without_a_password(client, using):
    with using():
        assert is_in(log_in(client, "ada"))
    user = User.objects.get()
    assert (user.email, user.name) == ("ada@example.org", "Ada Lovelace")
    assert (user.is_restricted, user.is_platform_admin) == (True, False)
    assert not user.has_usable_password()
    assert (user.ldap_account.dn, user.ldap_account.last_seen is not None) == (dn_of("ada"), True)
    assert Session.objects.get(user=user).amr == ["ldap"]
    made, signed_in = Entry.objects.acts().order_by("id")
    assert (made.action, made.changes["dn"]) == ("user.create", dn_of("ada"))
    assert signed_in.action == "user.sign_in"
    assert password_of("ada") not in str(list(Entry.objects.values()))


def test_without_the_setting_nobody_gets_an_account(client, using):
    with using(auto_create=False):
        assert is_refused(log_in(client, "ada"), NOT_LINKED)
        # To whoever does not know the password it is like any wrong one.
        assert is_refused(log_in(client, "ada", "wrong"))
    assert not User.objects.exists()
    assert not LdapAccount.objects.exists()


@pytest.mark.parametrize("address", [[], "no address", "a@b@c", "@"])
def test_an_entry_without_an_address_gets_no_account(client, directory, using, address):
    directory.change(dn_of("ada"), mail=address)
    with using():
        assert is_refused(log_in(client, "ada"), NOT_LINKED)
    assert not User.objects.exists()


def test_an_address_that_is_taken_is_never_adopted(client, using, directory):
    victim = local_user("root@example.org", is_platform_admin=True)
    before = User.objects.filter(pk=victim.pk).values().get()
    directory.change(dn_of("ada"), mail="Root@Example.ORG")
    with using():
        assert is_refused(log_in(client, "ada"), NOT_LINKED)
    assert User.objects.values().get() == before
    assert not LdapAccount.objects.exists()
    assert not Session.objects.filter(user__isnull=False).exists()


# --- Later sign-ins -------------------------------------------------------------------------------
def test_name_and_address_follow_the_directory(client, directory, using, ada):
    directory.change(dn_of("ada"), mail="countess@example.org", displayName="Countess\tLovelace")
    with using():
        assert is_in(log_in(client, "ada"))
    ada.refresh_from_db()
    assert (ada.email, ada.name) == ("countess@example.org", "CountessLovelace")
    (entry,) = Entry.objects.filter(action="user.update")
    assert set(entry.changes) == {"email", "name"}


def test_an_address_edited_to_somebody_elses_is_neither_taken_nor_followed(
    client, directory, using, ada
):
    victim = local_user("root@example.org", is_platform_admin=True)
    directory.change(dn_of("ada"), mail=victim.email)
    with using():
        assert is_in(log_in(client, "ada"))
    assert Session.objects.filter(user=ada).count() == 2
    ada.refresh_from_db()
    assert ada.email == "ada@example.org"
    assert User.objects.get(is_platform_admin=True) == victim
    assert not Session.objects.filter(user=victim).exists()


def test_the_address_of_another_entry_leads_to_ones_own_account(client, directory, using, ada):
    with using():
        assert is_in(log_in(client, "grace"))
        directory.change(dn_of("grace"), mail="grace.h@example.org")
        directory.change(dn_of("ada"), mail="grace@example.org")
        client.cookies.clear()
        assert is_in(log_in(client, "grace@example.org", password_of("ada")))
    assert [session.user for session in Session.objects.filter(user=ada)] == [ada, ada]


def test_a_new_entry_of_the_same_name_is_somebody_else(client, directory, using, ada):
    directory.remove(dn_of("ada"))
    with using():
        assert is_refused(log_in(client, "ada"))
        directory.add_person("ada", "Ada Impostor")
        assert is_refused(log_in(client, "ada"), NOT_LINKED)
    assert LdapAccount.objects.get().user == ada
    ada.refresh_from_db()
    assert ada.name == "Ada Lovelace"


def test_an_entry_that_was_moved_stays_the_same_account(client, directory, using, ada):
    directory.as_root().rename_s(dn_of("ada"), "uid=ada.king")
    with using():
        assert is_in(log_in(client, "ada.king", password_of("ada")))
    assert LdapAccount.objects.get().dn == dn_of("ada.king")
    assert User.objects.get() == ada


def test_a_suspended_account_stays_out(client, using, ada):
    User.objects.update(is_active=False)
    with using():
        assert is_refused(log_in(client, "ada"))
    assert Session.objects.filter(user=ada).count() == 1


def test_what_the_platform_has_decided_stays(client, using, ada):
    User.objects.update(is_restricted=False)
    with using():
        assert is_in(log_in(client, "ada"))
    ada.refresh_from_db()
    assert ada.is_restricted is False


# --- Groups ---------------------------------------------------------------------------------------
@pytest.fixture
def groups():
    """What the signal says."""
    told = []

    def receive(sender, **values):
        assert transaction.get_connection().in_atomic_block
        told.append(values)

    groups_read.connect(receive, weak=False)
    yield told
    groups_read.disconnect(receive)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"staff", "research"}),
        ({"group_style": "names"}, {"staff", "research"}),
        ({"group_style": "names", "group_filter": "(cn=s*)"}, {"staff"}),
        ({"group_style": "nested"}, {"staff", "research", "nested"}),
        ({"group_style": "unique_names"}, {"unique"}),
        ({"group_style": "posix"}, {"posix"}),
        ({"group_style": "none"}, set()),
        ({"group_base_dn": f"cn=other,{group_dn('x')}"}, set()),
        ({"group_base_dn": ""}, {"staff", "research"}),
    ],
)
def test_groups_of_every_style_are_told(client, using, groups, changes, expected):
    with using(**changes):
        assert is_in(log_in(client, "ada"))
    (told,) = groups
    assert told["groups"] == {group_dn(name) for name in expected}
    assert (told["source"], told["created"], told["user"]) == ("ldap", True, User.objects.get())
    assert told["actor"].credential == "ldap"


def test_a_group_that_was_taken_away_is_gone_at_the_next_sign_in(
    client, directory, using, ada, groups
):
    directory.remove(group_dn("research"))
    with using():
        assert is_in(log_in(client, "ada"))
    assert [(told["groups"], told["created"]) for told in groups] == [({group_dn("staff")}, False)]


def test_an_error_about_groups_undoes_the_whole_sign_in(client, using):
    def refuse(sender, **values):
        raise IntegrityError

    groups_read.connect(refuse, weak=False)
    try:
        with using(), pytest.raises(IntegrityError):
            log_in(client, "ada")
    finally:
        groups_read.disconnect(refuse)
    assert not User.objects.exists()


@pytest.mark.parametrize("style", ["memberof", "names", "nested"])
def test_whoever_leaves_the_allowed_group_is_out_at_the_next_sign_in(
    client, directory, using, style
):
    dn = group_dn("staff").replace(",", ", ").upper()
    with using(group_style=style, allowed_group=dn):
        assert is_in(log_in(client, "ada"))
        client.cookies.clear()
        directory.change(group_dn("staff"), member=[dn_of("grace"), dn_of("alan")])
        assert is_refused(log_in(client, "ada"))
        assert is_in(log_in(client, "grace"))


@pytest.mark.parametrize(
    ("style", "group"), [("unique_names", "unique"), ("posix", "posix"), ("nested", "nested")]
)
def test_the_allowed_group_may_be_of_any_style(client, using, style, group):
    with using(group_style=style, allowed_group=group_dn(group)):
        assert is_refused(log_in(client, "grace"))
        assert is_in(log_in(client, "ada"))


def test_an_allowed_group_that_does_not_exist_lets_nobody_in(client, using):
    for style in ("memberof", "names", "nested", "unique_names", "posix"):
        with using(group_style=style, allowed_group=group_dn("gone")):
            assert log_in(client, "ada").status_code in {400, 503}
    assert not User.objects.exists()


# --- Local passwords ------------------------------------------------------------------------------
def test_somebody_of_the_directory_has_no_local_way_in(client, using, ada):
    # Whatever is in the column: the password of the directory is not in it.
    assert not ada.has_usable_password()
    with overridden(LdapSection, enabled=False):
        for password in (password_of("ada"), LOCAL_PASSWORD, ada.password, "!"):
            assert is_refused(log_in(client, ada.email, password))


def test_a_local_password_is_never_sent_to_the_directory(client, authority, using):
    local_user("root@example.org")
    with Impostor("record-tls", authority.context("localhost")) as impostor:
        with using(port=impostor.port, timeout=1):
            assert is_in(log_in(client, "root@example.org", LOCAL_PASSWORD))
            assert impostor.connections == 0
            client.cookies.clear()
            log_in(client, "root@example.org", f"{LOCAL_PASSWORD}?")
        assert impostor.connections == 1
        assert b"the word of the platform" in impostor.received
        assert LOCAL_PASSWORD.encode() not in impostor.received


def test_wrong_local_unknown_and_wrong_directory_passwords_take_the_same_path(
    client, directory, using
):
    """What the directory is asked is what takes the time; its own counters say how much that is."""
    local_user("root@example.org")
    done = []
    with using():
        for login in ("root@example.org", "nobody@example.org", "ada@example.org"):
            before = directory.operations()
            assert is_refused(log_in(client, login, "wrong"))
            done.append(directory.operations() - before)
    assert done[0] == done[1] == done[2]
    # The platform's bind, a search, the other bind, the end.
    assert done[0] == 4


def test_local_sign_in_works_while_the_directory_is_away_and_others_are_told(client, using):
    local_user("root@example.org")
    with using(host="127.0.0.1", port=9):
        assert is_in(log_in(client, "root@example.org", LOCAL_PASSWORD))
        client.cookies.clear()
        for login in ("ada", "nobody", "root@example.org"):
            answer = log_in(client, login, "something")
            assert (answer.status_code, AWAY in answer.text) == (503, True)


def test_where_local_passwords_are_closed_the_directory_still_leads_in(client, using):
    local_user("root@example.org")
    with using(), overridden(AuthenticationSection, local_sign_in=False):
        page = client.get("/login")
        assert "E-mail address or user name" in page.text
        assert is_refused(log_in(client, "root@example.org", LOCAL_PASSWORD))
        assert is_in(log_in(client, "ada"))


# --- Basic ----------------------------------------------------------------------------------------
def basic(client, login, password):
    word = base64.b64encode(f"{login}:{password}".encode()).decode()
    return client.get("/api/me", headers={"Authorization": f"Basic {word}"})


def test_basic_takes_the_same_way(client, using, ada):
    with using():
        assert basic(client, "ada", password_of("ada")).json()["email"] == ada.email
        assert basic(client, "ada", "wrong").status_code == 401
        assert basic(client, "ada", "").status_code == 401
        User.objects.update(is_active=False)
        assert basic(client, "ada", password_of("ada")).status_code == 401
    with using(host="127.0.0.1", port=9):
        assert basic(client, "ada", password_of("ada")).status_code == 503


# --- The limiter ----------------------------------------------------------------------------------
def test_guesses_are_counted_for_the_entry_however_its_name_is_spelled(client, using, ada):
    spellings = ["ada", "ada@example.org"]
    with using(), overridden(AuthenticationSection, attempts_per_account=3):
        statuses = [log_in(client, spellings[turn % 2], "wrong").status_code for turn in range(4)]
    assert statuses == [400, 400, 400, 429]


def test_a_success_gives_the_count_of_the_entry_back(client, using, ada):
    with using(), overridden(AuthenticationSection, attempts_per_account=3):
        for _ in range(3):
            assert is_refused(log_in(client, "ada", "wrong"))
            assert is_in(log_in(client, "ada"))
            client.cookies.clear()
    account = f"ldap {ada.ldap_account.unique_id}"
    bucket = limiter._account_bucket(limiter.Kind.PASSWORD, account, None)
    assert not AttemptCounter.objects.filter(bucket=bucket).exists()


def test_everybody_is_somebody_else(client, using):
    with using():
        for uid in PEOPLE:
            assert is_in(log_in(client, uid))
            client.cookies.clear()
    assert User.objects.count() == LdapAccount.objects.count() == len(PEOPLE)
    assert all(isinstance(one.unique_id, UUID) for one in LdapAccount.objects.all())
