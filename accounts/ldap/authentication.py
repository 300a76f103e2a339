"""Proves who somebody is by the directory. Knows no user of the platform."""

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from accounts.ldap.section import NOT_INSTALLED, LdapSection, is_installed
from restai_site.lib.configuration import current
from restai_site.lib.errors import Conflict, DomainError, Unavailable

if TYPE_CHECKING:
    from accounts.ldap.backend import Backend

logger = logging.getLogger(__name__)
LOGIN_MAX_LENGTH = 254
PASSWORD_MAX_LENGTH = 1024
# A password that is nobody's.
MADE_UP = secrets.token_urlsafe()
AWAY = (
    "The directory cannot be asked at the moment: try again in a few minutes. Accounts with a "
    "password of this platform can sign in as always."
)


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody whom the directory has proven.

    `unique_id` never changes while the entry lives; `groups` are distinguished names in lower case.
    """

    unique_id: UUID
    dn: str
    email: str
    name: str
    groups: frozenset[str]


def authenticate(
    login: str, password: str, *, before_bind: Callable[[UUID], None] | None = None
) -> Found | None:
    """Return who signs in, or None: unknown, wrong password, not allowed, or no directory in use.

    `before_bind` is called with what never changes in the entry, once that is known and before the
    password is tried; what it raises is passed on. Call this outside a transaction: it waits for
    the directory, at most three times the seconds that the settings give each step. Raises
    Unavailable where the directory cannot be asked.
    """
    directory = current(LdapSection)
    if not directory.enabled or not _may_be_asked(login, password):
        return None
    with _away_explained():
        return _asked(directory, login, password, before_bind)


def take_as_long(login: str) -> None:
    """Ask the directory as `authenticate` would, and send it a password that was made up here.

    For the failed sign-in of an account that has a local password, which must not be sent to the
    directory: by the time it takes nobody learns which accounts are local. Raises Unavailable as
    `authenticate` does, so that neither the words tell.
    """
    directory = current(LdapSection)
    if not directory.enabled or not _may_be_asked(login, MADE_UP):
        return
    with _away_explained():
        _asked(directory, login, None, None)


def look_up(login: str) -> Found | None:
    """Return the entry that `login` fits, without a proof; for administrators who link accounts.

    Raises Unavailable as `authenticate` does, and Conflict where no directory is in use.
    """
    directory = current(LdapSection)
    if not directory.enabled:
        raise Conflict("Nobody signs in by a directory: switch it on under Settings, LDAP.")
    if not _may_be_asked(login, MADE_UP):
        return None
    with _away_explained(), _backend(directory) as backend:
        found = backend.populate_user(login.strip())
        return None if found is None else _found(directory, found.ldap_user)


@contextmanager
def _away_explained() -> Iterator[None]:
    try:
        yield
    except DomainError as error:
        # What is not the directory's failure is for the caller: too many attempts.
        if error.status < 500:
            raise
        logger.warning("The directory cannot be asked: %s", error.message)
        raise Unavailable(AWAY, code="directory_away", for_administrators=error.message) from None


def _may_be_asked(login: str, password: str) -> bool:
    """Return whether these are sent to the directory at all.

    Many servers let a bind without a password succeed, as nobody (RFC 4513, section 5.1.2), and
    take a NUL for the end of the text.
    """
    if not 0 < len(login.strip()) <= LOGIN_MAX_LENGTH or len(password) > PASSWORD_MAX_LENGTH:
        return False
    return bool(password.strip()) and "\0" not in login + password


@contextmanager
def _backend(directory: LdapSection) -> Iterator["Backend"]:
    if not is_installed():
        raise Unavailable(NOT_INSTALLED)
    from accounts.ldap.backend import Backend
    from accounts.ldap.connection import session

    with session(directory) as connection:
        yield Backend(directory, connection)


def _asked(
    directory: LdapSection,
    login: str,
    password: str | None,
    before_bind: Callable[[UUID], None] | None,
) -> Found | None:
    """Search and bind; without a password, bind as nobody."""

    def check(attributes: Mapping[str, Any]) -> None:
        unique_id = unique_id_of(attributes, directory.unique_id)
        if before_bind is not None:
            before_bind(unique_id)

    with _backend(directory) as backend:
        backend.before_bind = None if password is None else check
        proven = backend.authenticate(None, login, password or MADE_UP)
        return None if proven is None else _found(directory, proven.ldap_user)


def _found(directory: LdapSection, entry: Any) -> Found:
    from accounts.ldap.backend import normal_dn

    return Found(
        unique_id=unique_id_of(entry.attrs, directory.unique_id),
        dn=entry.dn,
        email=_first(entry.attrs, directory.email_attribute),
        name=_first(entry.attrs, directory.name_attribute),
        groups=frozenset(map(normal_dn, entry.group_dns)),
    )


def unique_id_of(attributes: Mapping[str, Any], name: str) -> UUID:
    """Return what never changes in an entry. Raises Unavailable where the entry has no such."""
    values = list(attributes.get(name, ()))
    try:
        (value,) = values
        if name == "objectGUID":
            # Bytes, unless by chance they are valid UTF-8: then the library has decoded them.
            return UUID(bytes_le=value.encode() if isinstance(value, str) else value)
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        raise Unavailable(
            f"An entry of the directory has no {name}: choose another attribute under LDAP."
        ) from None


def _first(attributes: Mapping[str, Any], name: str) -> str:
    values = attributes.get(name) or [""]
    return values[0].strip() if isinstance(values[0], str) else ""
