"""The directory proves who somebody is, and nothing that is typed proves more."""

from uuid import UUID

import pytest

from accounts.ldap.authentication import Found, authenticate
from accounts.ldap.section import LdapSection
from restai_site.lib.configuration import current, overridden
from restai_site.lib.errors import Unavailable
from restai_site.tests.slapd import (
    BASE,
    ENTRIES_MAX,
    PEOPLE,
    USERS,
    dn_of,
    group_dn,
    password_of,
)

pytestmark = pytest.mark.django_db
STARTTLS = "starttls"


def entry_uuid(directory, uid) -> UUID:
    ((_, attributes),) = directory.as_root().search_s(dn_of(uid), 0, attrlist=["entryUUID"])
    return UUID(attributes["entryUUID"][0].decode())


@pytest.mark.parametrize("login", ["ada", "ada@example.org", " ADA ", "Ada@Example.ORG"])
def test_somebody_signs_in_by_name_or_address_and_password(directory, using, login):
    with using():
        found = authenticate(login, password_of("ada"))
    assert found == Found(
        unique_id=entry_uuid(directory, "ada"),
        dn=dn_of("ada"),
        email="ada@example.org",
        name="Ada Lovelace",
        groups=frozenset({group_dn("staff"), group_dn("research")}),
    )


def test_starttls_is_spoken_before_anything_else(directory, using):
    # The directory itself refuses each password that is not encrypted.
    with using(port=directory.port, security=STARTTLS):
        assert authenticate("ada", password_of("ada")).dn == dn_of("ada")


def test_a_server_that_wants_tls_takes_no_password_in_clear_text(directory, using):
    with using(port=directory.port, security="none"), pytest.raises(Unavailable) as refused:
        authenticate("ada", password_of("ada"))
    assert refused.value.for_administrators == ("The directory answers: Confidentiality required.")


def test_without_a_directory_nobody_signs_in_by_one(using):
    with using(enabled=False):
        assert authenticate("ada", password_of("ada")) is None


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("ada", "wrong"),
        ("ada", password_of("grace")),
        ("ada", password_of("ada") + " "),
        ("nobody", password_of("ada")),
        (dn_of("ada"), password_of("ada")),
    ],
)
def test_a_wrong_password_and_an_unknown_login_are_nobody(using, login, password):
    with using():
        assert authenticate(login, password) is None


@pytest.mark.parametrize("password", ["", " ", "\t\n", "\0", "\0x", "x\0", " \0"])
@pytest.mark.parametrize("login", ["ada", "nobody", ""])
def test_empty_and_blank_passwords_and_nul_never_reach_the_directory(login, password):
    # Nothing listens there: whoever asked it would be told that the directory is away.
    with overridden(LdapSection, enabled=True, host="127.0.0.1", port=9, user_base_dn=USERS):
        assert authenticate(login, password) is None


def test_nul_in_a_login_never_reaches_the_directory():
    with overridden(LdapSection, enabled=True, host="127.0.0.1", port=9, user_base_dn=USERS):
        assert authenticate("ada\0", "x") is None
        assert authenticate("a" * 300, "x") is None
        with pytest.raises(Unavailable):
            authenticate("ada", "x")


@pytest.mark.parametrize("password", [None, "", " ", "a\0b"])
def test_the_connection_itself_binds_no_name_without_a_password(using, password):
    import ldap

    from accounts.ldap.connection import session

    with using(), session(current(LdapSection)) as connection:
        for bind in (connection.simple_bind, connection.simple_bind_s):
            with pytest.raises(ldap.INVALID_CREDENTIALS):
                bind(dn_of("ada"), password)


@pytest.mark.parametrize(
    "login",
    [
        "*",
        "a*",
        "ad*a",
        "*)(uid=*",
        ")(uid=*))(|(uid=*",
        "ada)(|(uid=*",
        "ada)(objectClass=*",
        "ada))(|(uid=grace",
        "\\61da",
        "a\\64a",
        "(ada)",
        "&(uid=ada)",
        "ada,ou=people",
        "%(user)s",
        "{login}",
        "%s",
    ],
)
def test_no_login_is_read_as_a_part_of_the_filter(using, login):
    with using():
        for uid in PEOPLE:
            assert authenticate(login, password_of(uid)) is None


def test_what_a_filter_would_read_is_found_where_it_is_a_name(directory, using):
    directory.add_person("star*(1)", "Star One", mail="star@example.org")
    with using():
        assert authenticate("star*(1)", password_of("star*(1)")).email == "star@example.org"
        assert authenticate("star*", password_of("star*(1)")) is None


def test_a_login_that_fits_two_entries_is_nobody(directory, using):
    directory.change(dn_of("grace"), mail="ada@example.org")
    with using():
        assert authenticate("ada@example.org", password_of("ada")) is None
        assert authenticate("ada@example.org", password_of("grace")) is None
        assert authenticate("ada", password_of("ada")).dn == dn_of("ada")


def test_a_login_that_fits_more_entries_than_are_told_is_nobody(directory, using):
    for number in range(ENTRIES_MAX):
        directory.add_person(f"clerk{number}", "A Clerk", mail="ada@example.org")
    with using():
        assert authenticate("ada@example.org", password_of("ada")) is None


def test_the_filter_of_the_settings_keeps_others_out(using):
    with using(user_filter="(&(uid={login})(cn=Ada Lovelace))"):
        assert authenticate("ada", password_of("ada")).dn == dn_of("ada")
        assert authenticate("grace", password_of("grace")) is None


def test_a_percent_sign_in_the_filter_is_one(directory, using):
    directory.change(dn_of("ada"), title="100% there")
    with using(user_filter="(&(uid={login})(title=100% there))"):
        assert authenticate("ada", password_of("ada")).dn == dn_of("ada")


def test_people_elsewhere_in_the_directory_are_nobody(directory, using):
    directory.add(f"ou=others,{BASE}", objectClass="organizationalUnit", ou="others")
    directory.add(
        f"uid=eve,ou=others,{BASE}",
        objectClass="inetOrgPerson",
        cn="Eve",
        sn="Eve",
        userPassword="the word of eve",
    )
    with using():
        assert authenticate("eve", "the word of eve") is None
    with using(user_base_dn=BASE):
        assert authenticate("eve", "the word of eve").name == ""


def test_somebody_who_was_deleted_is_out_at_once(directory, using):
    with using():
        assert authenticate("ada", password_of("ada"))
        directory.remove(dn_of("ada"))
        assert authenticate("ada", password_of("ada")) is None


def test_an_entry_without_what_never_changes_signs_nobody_in(using):
    with using(unique_id="objectGUID"), pytest.raises(Unavailable) as refused:
        authenticate("ada", password_of("ada"))
    assert refused.value.for_administrators == (
        "An entry of the directory has no objectGUID: choose another attribute under LDAP."
    )


def test_an_entry_without_a_password_signs_nobody_in(directory, using):
    directory.change(dn_of("ada"), userPassword=[])
    with using():
        assert authenticate("ada", password_of("ada")) is None
