"""Linking an account to an entry: by an administrator, once, and with the password gone."""

from uuid import uuid4

import pytest

from accounts.ldap import services
from accounts.ldap.services import NOT_LINKED
from accounts.models import LdapAccount, Session
from accounts.services.invitations import find_invitation, invite_user, show_invitation
from accounts.services.links import Purpose, digest_of, make_link
from accounts.tests.ldap.entering import LOCAL_PASSWORD, is_in, is_refused, local_user, log_in
from audit.models import Entry
from audit.services import CHANGED
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden, Invalid, NotFound
from restai_site.tests.slapd import dn_of

pytestmark = pytest.mark.django_db
ADMINISTRATOR = Actor.system("tests")


def test_an_administrator_links_an_account_and_its_password_is_gone(client, directory, using):
    user = local_user("a.lovelace@example.org", name="A. L.")
    with using(auto_create=False):
        account = services.link(user, login="ada", actor=ADMINISTRATOR)
        assert account.dn == dn_of("ada")
        assert is_in(log_in(client, "ada"))
    user.refresh_from_db()
    assert (user.has_usable_password(), user.email) == (False, "ada@example.org")
    linked = Entry.objects.get(action="user.ldap_link")
    assert linked.changes == {"dn": dn_of("ada"), "password": CHANGED}


def test_linking_ends_the_sessions_that_the_old_password_began(client, using):
    user = local_user("a.lovelace@example.org")
    assert is_in(log_in(client, user.email, LOCAL_PASSWORD))
    with using():
        services.link(user, login="ada", actor=ADMINISTRATOR)
    assert client.get("/profile").status_code == 302


def test_an_invitation_is_void_once_the_account_is_linked(using, settings):
    user = invite_user(email="invited@example.org", actor=ADMINISTRATOR)
    link = make_link(user, Purpose.INVITATION, email=user.email)
    digest = digest_of(link.rpartition("/")[2])
    assert find_invitation(digest) is not None
    with using():
        services.link(user, login="ada", actor=ADMINISTRATOR)
    assert find_invitation(digest) is None
    with pytest.raises(Conflict):
        show_invitation(user, actor=ADMINISTRATOR)


def test_somebody_who_was_unlinked_can_be_invited(using, ada):
    services.unlink(ada, actor=ADMINISTRATOR)
    digest = digest_of(show_invitation(ada, actor=ADMINISTRATOR).rpartition("/")[2])
    assert find_invitation(digest).user == ada


def test_an_entry_and_an_account_are_linked_once(using, ada):
    other = local_user("other@example.org")
    with using():
        with pytest.raises(Conflict):
            services.link(other, login="ada", actor=ADMINISTRATOR)
        with pytest.raises(Conflict):
            services.link(ada, login="grace", actor=ADMINISTRATOR)
        with pytest.raises(Invalid):
            services.link(other, login="nobody", actor=ADMINISTRATOR)
    other.refresh_from_db()
    assert other.has_usable_password()
    assert LdapAccount.objects.get().user == ada


def test_the_administrator_of_last_resort_keeps_the_password(using, settings):
    settings.BREAK_GLASS_EMAIL = "root@example.org"
    root = local_user("root@example.org", is_platform_admin=True)
    with using(), pytest.raises(Conflict):
        services.link(root, login="ada", actor=ADMINISTRATOR)
    root.refresh_from_db()
    assert root.has_usable_password()


@pytest.mark.parametrize(
    "actor",
    [
        Actor(user_id=1, email="", session_id=uuid4()),
        Actor(user_id=1, email="", is_platform_admin=True, api_key_id=1, credential="key:1"),
        Actor(user_id=1, email="", is_platform_admin=True, session_id=uuid4(), impersonator_id=2),
    ],
    ids=["user", "key", "impersonation"],
)
def test_only_administrators_as_themselves_link_and_unlink(using, ada, actor):
    other = local_user("other@example.org")
    with using():
        with pytest.raises(Forbidden):
            services.link(other, login="grace", actor=actor)
        with pytest.raises(Forbidden):
            services.unlink(ada, actor=actor)
    assert LdapAccount.objects.get().user == ada


def test_an_account_that_was_unlinked_is_out(client, using, ada):
    services.unlink(ada, actor=ADMINISTRATOR)
    assert not Session.objects.filter(user=ada).exists()
    with using():
        assert is_refused(log_in(client, "ada"), NOT_LINKED)
    with pytest.raises(NotFound):
        services.unlink(ada, actor=ADMINISTRATOR)
