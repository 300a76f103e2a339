"""The button that tries the settings of the directory out."""

import ldap

from accounts.ldap.authentication import unique_id_of
from accounts.ldap.backend import wanted_attributes
from accounts.ldap.connection import Connection, DirectoryFailed, session
from accounts.ldap.section import LOGIN, LdapSection
from restai_site.lib.errors import Invalid


def probe(directory: LdapSection) -> str:
    """Sign in as the platform and look around; return what was found, in words.

    Raises DirectoryFailed, Invalid (something is missing or not found), Unavailable.
    """
    if not directory.host or not directory.user_base_dn:
        raise Invalid("Enter a server and where people are, and save the settings.")
    with session(directory) as connection:
        connection.simple_bind_s(directory.bind_dn, directory.bind_password)
        people = _people(connection, directory)
        _check_entry(connection, directory)
        sentences = [f"Connected. Found {people} below {directory.user_base_dn}."]
        sentences += _groups(connection, directory)
    if directory.security == "none":
        sentences.append("Nothing is encrypted: whoever is on the way reads every password.")
    return " ".join(sentences)


def _everybody(directory: LdapSection) -> str:
    return directory.user_filter.replace(LOGIN, "*")


def _people(connection: Connection, directory: LdapSection) -> str:
    try:
        entries = connection.search_s(
            directory.user_base_dn, ldap.SCOPE_SUBTREE, _everybody(directory), ["1.1"]
        )
    except ldap.SIZELIMIT_EXCEEDED:
        return "more people than are told at once"
    except ldap.NO_SUCH_OBJECT:
        raise _not_found(directory.user_base_dn) from None
    # What has no name is a referral to another server, and not followed.
    count = sum(dn is not None for dn, _ in entries)
    if not count:
        raise Invalid(
            f"Connected, but found nobody below {directory.user_base_dn}: check the filter, and "
            "what the account of the platform may read."
        )
    return "one person" if count == 1 else f"{count} people"


def _check_entry(connection: Connection, directory: LdapSection) -> None:
    """Look at one entry: without what never changes nobody could sign in."""
    wanted = wanted_attributes(directory)
    number = connection.search_ext(
        directory.user_base_dn, ldap.SCOPE_SUBTREE, _everybody(directory), wanted, sizelimit=1
    )
    kind, answers = connection.result(number, all=0)
    if kind == ldap.RES_SEARCH_ENTRY:
        attributes = {
            name: [value if name == "objectGUID" else value.decode() for value in values]
            for name, values in answers[0][1].items()
            if name == directory.unique_id
        }
        unique_id_of(attributes, directory.unique_id)
    connection.abandon(number)


def _groups(connection: Connection, directory: LdapSection) -> list[str]:
    for dn in filter(None, (directory.group_base_dn, directory.allowed_group)):
        try:
            connection.search_s(dn, ldap.SCOPE_BASE, attrlist=["1.1"])
        except ldap.NO_SUCH_OBJECT:
            raise _not_found(dn) from None
    if not directory.allowed_group:
        return []
    return [f"Members of {directory.allowed_group} may sign in."]


def _not_found(dn: str) -> DirectoryFailed:
    return DirectoryFailed(f"Connected, but the directory shows the platform no {dn}.")
