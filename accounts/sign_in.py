"""The one way to a session: whoever has proven a first factor passes through here.

A log-in page, an identity provider or a passkey calls `begin`; the page of the second factor calls
`finish`. Neither can leave out what the other asks.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.hashers import check_password as matches_hash
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest
from django.urls import reverse

from accounts import devices, limiter, policy
from accounts.ldap.door import by_directory
from accounts.ldap.services import SOURCE as LDAP
from accounts.ldap.services import NotLinked
from accounts.models import User, normal_email, normal_password
from accounts.sessions import lifecycle
from accounts.sessions.lifecycle import MFA
from restai_site.lib.errors import Unauthenticated

WRONG = "The e-mail address or the password is not right."
SIGN_IN_AGAIN = "This took too long: sign in again."


class SignInRefused(Unauthenticated):
    """Somebody is not let in; the words are the same for every reason."""

    code = "sign_in_refused"

    def __init__(self, message: str = WRONG) -> None:
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Checked:
    """A first factor that holds: whose it is, and what it was."""

    user: User
    amr: tuple[str, ...]


def check_password(email: str, password: str, request: HttpRequest) -> Checked:
    """Return whose password this is. For the log-in page, the API and Basic authentication.

    Unknown, suspended and locked accounts, those without a password and those that may only come
    by an identity provider are refused as a wrong password is, and take as long. Where a directory
    is in use, `email` may be a name that it knows. Call it outside a transaction. Raises
    SignInRefused, TooManyRequests, Unavailable (the directory is away).
    """
    attempt = limiter.count(limiter.Kind.PASSWORD, account=email, request=request)
    user, how = _by_password(email, normal_password(password)), "pwd"
    if user is None:
        user, how = _by_directory(email, password, request), LDAP
    if user is None:
        raise SignInRefused
    attempt.succeeded()
    return Checked(user, (how,))


def begin(request: HttpRequest, user: User, *, amr: Iterable[str], target: str) -> str:
    """Go on with `user`, who has proven a first factor. Returns the address to go to next.

    Where "mfa" is among the words of `amr`, two factors have been proven already. Raises
    SignInRefused for a suspended user.
    """
    words = tuple(amr)
    if not user.is_active:
        raise SignInRefused
    if user.second_factor_since is not None and MFA not in words:
        lifecycle.wait_for_second_factor(request, user, amr=words, target=target)
        return reverse("accounts:second_factor")
    _start(request, user, words)
    return target


def pending(request: HttpRequest) -> User | None:
    """Return who has passed the first factor alone in this session."""
    row = lifecycle.store_of(request).row
    user = row.pending_user if row else None
    return user if user is not None and user.is_active else None


def finish(request: HttpRequest, *, amr: Iterable[str]) -> str:
    """Start the session of whoever was pending and has now proven a second factor.

    Returns the address to go to. Raises SignInRefused where nobody is pending (any more).
    """
    user = pending(request)
    row = lifecycle.store_of(request).row
    if user is None or row is None:
        raise SignInRefused(SIGN_IN_AGAIN)
    target = str(request.session.get("target", reverse("dashboard")))
    _start(request, user, (*row.amr, *amr, MFA))
    return target


def _start(request: HttpRequest, user: User, amr: tuple[str, ...]) -> None:
    lifecycle.start(request, user, amr=tuple(dict.fromkeys(amr)))
    devices.remember(limiter.normal_account(user.email), request)


def _by_directory(login: str, password: str, request: HttpRequest) -> User | None:
    try:
        return by_directory(login, password, request)
    except NotLinked as error:
        raise SignInRefused(error.message) from None


def _by_password(email: str, password: str) -> User | None:
    user: User | None = User.objects.filter(email=normal_email(email)).first()
    usable = (
        user is not None
        and user.is_active
        and user.has_usable_password()
        and policy.local_sign_in_open(user)
    )
    if user is None or not usable:
        # As long as a comparison takes, whatever the reason.
        make_password(password)
        return None
    return user if _matches(user, password) else None


def _matches(user: User, password: str) -> bool:
    """Compare, and bring a hash made by weaker settings up to date."""

    def renew(raw: str) -> None:
        user.set_password(raw)
        User.objects.filter(pk=user.pk, password=before).update(password=user.password)

    before = user.password
    return matches_hash(password, user.password, renew)
