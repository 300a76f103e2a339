"""The directory's part in the one log-in flow."""

from dataclasses import replace
from uuid import UUID

from django.http import HttpRequest

from accounts import limiter
from accounts.actors import anonymous
from accounts.ldap.authentication import authenticate, take_as_long
from accounts.ldap.section import LdapSection
from accounts.ldap.services import SOURCE, take_in
from accounts.models import LdapAccount, User, normal_email
from restai_site.lib.configuration import current


def by_directory(login: str, password: str, request: HttpRequest) -> User | None:
    """Return whose password this is in the directory, or None.

    The password of an account that has a local one is never sent there. Call it outside a
    transaction. Raises Unavailable (the directory is away), TooManyRequests, NotLinked.
    """
    if not current(LdapSection).enabled:
        return None
    if _has_local_password(login):
        take_as_long(login)
        return None
    attempts: list[limiter.Attempt] = []

    def count(unique_id: UUID) -> None:
        attempts.append(
            limiter.count_owner(
                limiter.Kind.PASSWORD,
                account=f"ldap {unique_id}",
                email=_address_of(unique_id),
                request=request,
            )
        )

    found = authenticate(login, password, before_bind=count)
    if found is None:
        return None
    user = take_in(found, actor=replace(anonymous(request), credential=SOURCE))
    if user is not None:
        for attempt in attempts:
            attempt.succeeded()
    return user


def _has_local_password(login: str) -> bool:
    user = User.objects.filter(email=normal_email(login)).first()
    return user is not None and user.has_usable_password()


def _address_of(unique_id: UUID) -> str:
    rows = LdapAccount.objects.filter(unique_id=unique_id)
    return rows.values_list("user__email", flat=True).first() or ""
