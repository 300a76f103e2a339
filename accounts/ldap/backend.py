"""django-auth-ldap, told by the settings of the platform and given its connections.

The library searches, binds and reads groups. It makes, changes and keeps no user here:
`accounts.ldap.services` does that, by the platform's own rules.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import ldap
import ldap.dn
from django_auth_ldap.backend import LDAPBackend, ldap_error
from django_auth_ldap.config import (
    GroupOfNamesType,
    GroupOfUniqueNamesType,
    LDAPGroupType,
    LDAPSearch,
    LDAPSettings,
    NestedGroupOfNamesType,
    PosixGroupType,
)

from accounts.ldap.connection import Connection
from accounts.ldap.section import LOGIN, LdapSection

MEMBER_OF = "memberOf"
# Of these the library reads groups of POSIX.
POSIX = ("uid", "gidNumber")


def normal_dn(dn: str) -> str:
    """Return the one spelling of a distinguished name: lower case, without needless spaces."""
    try:
        return str(ldap.dn.dn2str(ldap.dn.str2dn(dn.lower())))
    except ldap.DECODING_ERROR:
        return dn.lower()


class MemberOf(LDAPGroupType):  # type: ignore[misc]  # the library is untyped
    """Groups that the entry of a person names, which the directory itself keeps up to date."""

    def user_groups(self, ldap_user: Any, group_search: Any) -> list[tuple[str, dict[str, Any]]]:
        """Return the groups below the base that the settings name."""
        below = normal_dn(group_search.base_dn)
        named = [normal_dn(str(dn)) for dn in (ldap_user.attrs or {}).get(MEMBER_OF, [])]
        return [(dn, {}) for dn in named if not below or f",{dn}".endswith(f",{below}")]

    def is_member(self, ldap_user: Any, group_dn: str) -> bool:
        """Return whether the entry names the group, wherever that lies."""
        named = (ldap_user.attrs or {}).get(MEMBER_OF, [])
        return normal_dn(group_dn) in {normal_dn(str(dn)) for dn in named}


class NoGroups(LDAPGroupType):  # type: ignore[misc]  # the library is untyped
    """There are none."""


GROUP_TYPES = {
    "memberof": MemberOf,
    "names": GroupOfNamesType,
    "nested": NestedGroupOfNamesType,
    "unique_names": GroupOfUniqueNamesType,
    "posix": PosixGroupType,
    "none": NoGroups,
}


class Backend(LDAPBackend):  # type: ignore[misc]  # the library is untyped
    """One attempt to sign in, over `connection`. What the directory fails to do raises LDAPError.

    Its `authenticate` returns an object whose `ldap_user` has `dn`, `attrs` and `group_dns`.
    `before_bind` is called with the attributes of the entry; where it is None, nobody is proven.
    """

    before_bind: Callable[[Mapping[str, Any]], None] | None = None

    def __init__(self, directory: LdapSection, connection: Connection) -> None:
        self.settings = _settings(directory)
        # All that the library asks of the module: a connection for each session.
        self._ldap = SimpleNamespace(initialize=lambda *_, **__: connection)
        self._connection = connection
        self._nobody = f"cn=nobody,{directory.user_base_dn}"

    def authenticate_ldap_user(self, ldap_user: Any, password: str) -> Any:
        """Return who has been proven, or None.

        For somebody unknown the directory is sent a bind too, so that both refusals take about the
        same time.
        """
        if ldap_user.dn is None or self.before_bind is None:
            with suppress(ldap.INVALID_CREDENTIALS):
                self._connection.simple_bind_s(self._nobody, password)
            return None
        self.before_bind(ldap_user.attrs)
        return ldap_user.authenticate(password)

    def get_or_build_user(self, username: str, ldap_user: Any) -> tuple[Any, bool]:
        """Return an object for the library to hang its findings on; no user of the platform."""
        return SimpleNamespace(save=lambda: None), False


def _raise(sender: Any, context: str, exception: Exception, **_: Any) -> None:
    """Raise what the library would only log, but for a login that fits very many entries."""
    if context == "search_for_user_dn" and isinstance(exception, ldap.SIZELIMIT_EXCEEDED):
        return
    raise exception


ldap_error.connect(_raise, sender=Backend, dispatch_uid="accounts.ldap")


def wanted_attributes(directory: LdapSection) -> list[str]:
    """Return what is read of an entry; all else stays in the directory."""
    own = [directory.unique_id, directory.email_attribute, directory.name_attribute]
    return [*own, MEMBER_OF, *POSIX]


def _settings(directory: LdapSection) -> LDAPSettings:
    # The library puts what was typed, escaped, in the place of %(user)s.
    pattern = directory.user_filter.replace("%", "%%").replace(LOGIN, "%(user)s")
    wanted = wanted_attributes(directory)
    group_pattern = directory.group_filter.replace("%", "%%")
    chosen = {
        "ALWAYS_UPDATE_USER": False,
        "BIND_DN": directory.bind_dn,
        "BIND_PASSWORD": directory.bind_password,
        "GROUP_SEARCH": LDAPSearch(
            directory.group_base_dn, ldap.SCOPE_SUBTREE, group_pattern, ["cn"]
        ),
        "GROUP_TYPE": GROUP_TYPES[directory.group_style](),
        "REQUIRE_GROUP": normal_dn(directory.allowed_group) or None,
        "USER_ATTRLIST": wanted,
        "USER_SEARCH": LDAPSearch(directory.user_base_dn, ldap.SCOPE_SUBTREE, pattern, wanted),
    }
    # No setting of Django's begins so: the platform's own are all there is.
    return LDAPSettings("ACCOUNTS_LDAP_SECTION_", chosen)
