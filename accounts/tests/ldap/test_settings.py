"""The settings of the directory: what they refuse, and the button that tries them out."""

import pytest
from django.core.cache import cache

from accounts.ldap.section import LdapSection, is_installed
from configuration import services
from configuration.services import update_section
from restai_site.lib.configuration import current
from restai_site.lib.errors import Invalid
from restai_site.tests.certificates import Authority
from restai_site.tests.slapd import (
    BASE,
    ENTRIES_MAX,
    GROUPS,
    SERVICE_PASSWORD,
    USERS,
    dn_of,
    group_dn,
)
from restai_site.tests.world import acting

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(world):
    cache.clear()
    user = world.platform_admin
    return acting(user)


@pytest.fixture
def saved(settings_of, admin):
    """The settings, saved as an administrator does it."""
    update_section(LdapSection, settings_of(), actor=admin)


def tried(admin, **changes):
    if changes:
        update_section(LdapSection, changes, actor=admin)
    outcome = services.test_section(LdapSection, actor=admin)
    return outcome.ok, outcome.message


# --- What is refused ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", "ldaps://ldap.example.org"),
        ("host", "ldap.example.org:636"),
        ("host", "a b"),
        ("port", 0),
        ("security", "tls"),
        ("security", ""),
        ("timeout", 0),
        ("timeout", 31),
        ("bind_dn", "restai"),
        ("user_base_dn", "people"),
        ("allowed_group", "staff"),
        ("user_filter", "(uid=ada)"),
        ("user_filter", "uid={login}"),
        ("user_filter", "((uid={login})"),
        ("group_filter", "cn=*"),
        ("email_attribute", ""),
        ("email_attribute", "mail)(uid=*"),
        ("name_attribute", "display name"),
        ("unique_id", "mail"),
        ("ca_certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
        ("ca_certificate", "not a certificate"),
        ("ca_certificate", "-----BEGIN ÇERTIFICATE-----"),
    ],
)
def test_a_value_that_cannot_work_is_refused(admin, name, value):
    with pytest.raises(Invalid) as refused:
        update_section(LdapSection, {name: value}, actor=admin)
    assert set(refused.value.fields) == {name}


def test_a_certificate_of_a_server_is_no_authority(admin, tmp_path):
    own = Authority(tmp_path).certificate("localhost").read_text()
    with pytest.raises(Invalid):
        update_section(LdapSection, {"ca_certificate": own}, actor=admin)


def test_several_authorities_are_kept_as_they_were_pasted(admin, tmp_path):
    pasted = "".join(Authority(tmp_path, name).file.read_text() for name in ("one", "two"))
    update_section(LdapSection, {"ca_certificate": pasted.replace("\n", "\r\n")}, actor=admin)
    assert current(LdapSection).ca_certificate == pasted.strip()


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"bind_dn": f"cn=restai,{BASE}"}, {"bind_password"}),
        ({"bind_password": "x"}, {"bind_dn"}),
        ({"enabled": True}, {"host", "user_base_dn"} if is_installed() else {"enabled"}),
        ({"group_style": "names"}, {"group_base_dn"}),
        ({"group_style": "none", "allowed_group": f"cn=staff,{GROUPS}"}, {"group_style"}),
    ],
)
def test_what_does_not_go_together_is_refused(admin, changes, fields):
    with pytest.raises(Invalid) as refused:
        update_section(LdapSection, changes, actor=admin)
    assert set(refused.value.fields) == fields
    assert current(LdapSection).enabled is False


@pytest.mark.parametrize(
    "change",
    [
        {"host": "127.0.0.1"},
        {"port": 637},
        {"security": "none"},
        {"ca_certificate": ""},
    ],
)
def test_the_password_is_asked_for_again_before_it_is_sent_elsewhere(saved, admin, change):
    with pytest.raises(Invalid) as refused:
        update_section(LdapSection, change, actor=admin)
    assert set(refused.value.fields) == {"bind_password"}


def test_it_begins_switched_off_verified_and_encrypted(admin):
    fresh = LdapSection()
    assert (fresh.enabled, fresh.auto_create, fresh.security) == (False, False, "ldaps")


# --- The button -----------------------------------------------------------------------------------
def test_it_says_how_many_people_it_found(saved, admin):
    assert tried(admin) == (True, f"Connected. Found 3 people below {USERS}.")


def test_it_finds_one_and_names_the_group_whose_members_may_in(saved, admin):
    assert tried(
        admin,
        user_filter="(&(uid={login})(cn=Ada Lovelace))",
        allowed_group=group_dn("staff"),
    ) == (
        True,
        f"Connected. Found one person below {USERS}. Members of {group_dn('staff')} may sign in.",
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bind_password": "wrong"}, "The directory refuses the account of the platform, or its"),
        ({"user_base_dn": f"ou=gone,{BASE}"}, "Connected, but the directory shows the platform no"),
        ({"group_base_dn": f"ou=gone,{BASE}"}, "Connected, but the directory shows the platform"),
        ({"allowed_group": group_dn("gone")}, "Connected, but the directory shows the platform no"),
        ({"user_filter": "(sAMAccountName={login})"}, f"Connected, but found nobody below {USERS}"),
        ({"unique_id": "objectGUID"}, "An entry of the directory has no objectGUID: choose"),
        ({"host": "127.0.0.1", "bind_password": SERVICE_PASSWORD}, "The certificate of the dir"),
    ],
)
def test_what_does_not_work_is_told_in_words(saved, admin, changes, words):
    ok, message = tried(admin, **changes)
    assert ok is False
    assert message.startswith(words), message
    assert SERVICE_PASSWORD not in message


def test_a_directory_without_encryption_is_told_loudly(saved, admin, directory):
    ok, message = tried(admin, port=directory.port, security="none", bind_password=SERVICE_PASSWORD)
    # This one refuses it itself.
    assert (ok, message) == (False, "The directory answers: Confidentiality required.")


def test_it_can_be_tried_before_it_is_switched_on(saved, admin):
    assert tried(admin, enabled=False)[0] is True
    assert tried(admin, user_base_dn="")[1] == (
        "Enter a server and where people are, and save the settings."
    )


def test_more_people_than_the_server_tells_are_said_to_be_more(saved, admin, directory):
    for number in range(ENTRIES_MAX):
        directory.add_person(f"clerk{number}", "A Clerk")
    assert tried(admin) == (
        True,
        f"Connected. Found more people than are told at once below {USERS}.",
    )


def test_somebody_may_be_the_account_of_the_platform(saved, admin, directory):
    """An entry that may read little sees little, and that is told."""
    ok, message = tried(admin, bind_dn=dn_of("ada"), bind_password="the word of ada")
    assert (ok, message) == (
        False,
        f"Connected, but the directory shows the platform no {USERS}.",
    )
