"""One session with the directory, which ends in time whatever the directory does."""

import os
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

# libldap would else take servers, certificates and credentials from files of this machine and from
# its environment.
os.environ["LDAPNOINIT"] = "1"

import ldap
from ldap.ldapobject import SimpleLDAPObject

from accounts.ldap.relay import relayed
from accounts.ldap.section import LdapSection
from accounts.ldap.start_tls import start_tls
from restai_site.lib import egress
from restai_site.lib.errors import DomainError

# To connect with TLS, to find somebody, to prove who it is, with some to spare.
STEPS = 3
# More entries than this are no answer that the platform could use.
ENTRIES_MAX = 1000
# A socket of this machine that cannot be connected to: whatever libldap tries when its connection
# ends, it reaches nothing.
NOWHERE = "ldapi://%2Fdev%2Fnull"
# What servers answer, besides "invalid credentials", to a password that is not to be let in:
# no password set, expired, locked, disabled, gone since it was found.
REFUSALS = (
    ldap.INAPPROPRIATE_AUTH,
    ldap.UNWILLING_TO_PERFORM,
    ldap.CONSTRAINT_VIOLATION,
    ldap.INSUFFICIENT_ACCESS,
    ldap.NO_SUCH_OBJECT,
)
ANSWER_SHOWN = 200


class DirectoryFailed(DomainError):
    """The directory cannot be asked, or answers what is no answer; in words for administrators."""

    code = "directory_failed"
    status = 502


class Connection(SimpleLDAPObject):  # type: ignore[misc]  # the library is untyped
    """A connection that is open and verified, and on which no empty password is ever sent."""

    def __init__(self, directory: LdapSection, *, end: float) -> None:
        self._platform = directory.bind_dn
        opened = _opened(directory, end)
        super().__init__(NOWHERE, fileno=relayed(opened, end=end).detach())
        self.timeout = directory.timeout
        for option, value in {
            ldap.OPT_REFERRALS: ldap.OPT_OFF,
            ldap.OPT_DEREF: ldap.DEREF_NEVER,
            ldap.OPT_NETWORK_TIMEOUT: float(directory.timeout),
            ldap.OPT_TIMEOUT: float(directory.timeout),
            ldap.OPT_TIMELIMIT: directory.timeout,
            ldap.OPT_SIZELIMIT: ENTRIES_MAX,
        }.items():
            self.set_option(option, value)

    def simple_bind(self, who: Any = None, cred: Any = None, *rest: Any) -> Any:
        """Begin a bind. Raises INVALID_CREDENTIALS for a name without a password."""
        if who and not (cred and cred.strip() and "\0" not in cred):
            raise ldap.INVALID_CREDENTIALS({"desc": "There is no password"})
        return super().simple_bind(who, cred, *rest)

    def simple_bind_s(self, who: Any = None, cred: Any = None, *rest: Any) -> Any:
        """Bind. Somebody whom the server refuses, for whatever reason, is INVALID_CREDENTIALS."""
        try:
            return super().simple_bind_s(who, cred, *rest)
        except REFUSALS as error:
            if who == self._platform:
                raise
            raise ldap.INVALID_CREDENTIALS(*error.args) from None


@contextmanager
def session(directory: LdapSection) -> Iterator[Connection]:
    """Open a connection, and close it. Raises DirectoryFailed, also for what happens inside."""
    end = time.monotonic() + STEPS * directory.timeout
    with explained(directory):
        connection = Connection(directory, end=end)
        try:
            yield connection
        finally:
            connection.unbind_s()


@contextmanager
def explained(directory: LdapSection) -> Iterator[None]:
    """Turn what goes wrong inside into DirectoryFailed, in words."""
    try:
        yield
    except (ldap.LDAPError, OSError) as error:
        raise DirectoryFailed(_words(error, directory)) from error


def _opened(directory: LdapSection, end: float) -> Any:
    """Return a connection as the settings want it: encrypted and verified, unless they say no."""
    host, step = directory.host, directory.timeout
    opened = egress.connect(host, directory.port, purpose=egress.Purpose.IDENTITY, timeout=step)
    try:
        if directory.security == "none":
            return opened
        step_end = min(time.monotonic() + step, end)
        if directory.security == "starttls":
            start_tls(opened, end=step_end)
        opened.settimeout(max(step_end - time.monotonic(), 0.001))
        context = egress.tls_context("ldap", directory.ca_certificate)
        return context.wrap_socket(opened, server_hostname=host)
    except BaseException:
        opened.close()
        raise


def _words(error: ldap.LDAPError | OSError, directory: LdapSection) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of the directory is not valid: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return (
            f"“{directory.host}” does not speak TLS so at port {directory.port}: choose another "
            "security or port."
        )
    if isinstance(error, OSError | ldap.SERVER_DOWN | ldap.TIMEOUT | ldap.CONNECT_ERROR):
        return "The directory hung up, or took too long: check the port and the security."
    if isinstance(error, ldap.INVALID_CREDENTIALS):
        return "The directory refuses the account of the platform, or its password."
    return f"The directory answers: {_answer(error.args)}."


def _answer(details: Sequence[Any]) -> str:
    """Return what the server said of itself, cut and on one line."""
    known = details[0] if details and isinstance(details[0], dict) else {}
    text = str(known.get("desc") or "an error without words")
    shown = "".join(c if c.isprintable() else " " for c in text)
    return shown[:ANSWER_SHOWN].strip()
