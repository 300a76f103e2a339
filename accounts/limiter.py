"""The limiter of guesses: passwords, codes, links, keys. Counted in the database, for all workers.

An attempt is counted before it is judged, by one statement that takes the row: of parallel attempts
exactly as many are judged as the limit allows. A success gives back. After the limit each further
attempt waits twice as long as the one before it, up to an hour, so that nobody is locked out for
ever; the owner's known device has a count of its own, which strangers cannot use up.
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from accounts import devices
from accounts.models import AttemptCounter
from accounts.sections import AuthenticationSection
from restai_site.lib.configuration import current
from restai_site.lib.crypto import keyed_digest
from restai_site.lib.errors import TooManyRequests
from restai_site.lib.requests import counted_as

# How long after the last failure they are forgotten.
ACCOUNT_SECONDS = 24 * 3600
ADDRESS_SECONDS = 3600
FIRST_WAIT_SECONDS = 30
LONGEST_WAIT_SECONDS = 3600


class Kind(StrEnum):
    """What is guessed. Each kind counts for itself."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    CODE = "code"
    RESET = "reset"
    KEY = "key"
    PASSKEY = "passkey"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that has been counted and may be judged."""

    account: str | None
    address: str | None

    # Gives back one failure; a count that only this attempt had is gone.
    _GIVE_BACK: ClassVar[str] = """
        UPDATE accounts_attemptcounter
        SET failures = greatest(failures - 1, 0), blocked_until = NULL
        WHERE bucket = %s
    """

    def succeeded(self) -> None:
        """Forget the failures of the account, and this attempt's of the address."""
        if self.account:
            AttemptCounter.objects.filter(bucket=self.account).delete()
        if self.address:
            with connection.cursor() as cursor:
                cursor.execute(self._GIVE_BACK, [self.address])


# One statement: it waits for the row, sees what others have counted, and counts only where it may.
_COUNT = """
    INSERT INTO accounts_attemptcounter AS counter (bucket, failures, last_at, blocked_until)
    VALUES (%(bucket)s, 1, clock_timestamp(), NULL)
    ON CONFLICT (bucket) DO UPDATE SET
        failures = CASE WHEN counter.last_at < clock_timestamp() - %(window)s * interval '1 second'
                        THEN 1 ELSE counter.failures + 1 END,
        blocked_until = CASE
            WHEN counter.last_at < clock_timestamp() - %(window)s * interval '1 second' THEN NULL
            WHEN counter.failures + 1 >= %(limit)s
            THEN clock_timestamp() + interval '1 second' * least(
                %(longest)s, %(first)s * power(2, least(counter.failures + 1 - %(limit)s, 20)))
            END,
        last_at = clock_timestamp()
    WHERE counter.blocked_until IS NULL OR counter.blocked_until <= clock_timestamp()
    RETURNING failures
"""


def count(kind: Kind, *, account: str | None, request: HttpRequest) -> Attempt:
    """Count an attempt, and return it when it may be judged.

    `account` is what is guessed at: an address as it was typed, or a user's id. Call it outside a
    transaction, which would take the count back. Raises TooManyRequests.
    """
    limits = current(AuthenticationSection)
    device = devices.known_to(normal_account(account), request) if account else None
    # A known device answers for itself alone, not for the office that it stands in.
    address = None if device else _address_bucket(kind, request)
    if address:
        _count(address, limits.attempts_per_address, ADDRESS_SECONDS)
    bucket = _account_bucket(kind, account, device) if account else None
    if bucket:
        _count(bucket, limits.attempts_per_account, ACCOUNT_SECONDS)
    return Attempt(bucket, address)


def count_owner(kind: Kind, *, account: str, email: str, request: HttpRequest) -> Attempt:
    """Count an attempt, already counted as it was typed, at what it has turned out to aim at.

    Some directories take many spellings for one name, each of which would have a count of its own.
    `account` is the one spelling; a device on which the owner of `email` has signed in keeps a
    count of its own. Call it outside a transaction. Raises TooManyRequests.
    """
    device = devices.known_to(normal_account(email), request) if email else None
    bucket = _account_bucket(kind, account, device)
    _count(bucket, current(AuthenticationSection).attempts_per_account, ACCOUNT_SECONDS)
    return Attempt(bucket, None)


def forgive(kind: Kind, account: str) -> None:
    """Forget the failures of an account: its owner has proven who they are by other means."""
    AttemptCounter.objects.filter(bucket=_bucket(kind, normal_account(account))).delete()


def normal_account(account: str) -> str:
    """Return the one spelling under which attempts at an address are counted.

    Case, space, compatible characters (NFKC) and a "+tag" make no new account.
    """
    text = unicodedata.normalize("NFKC", account).casefold()
    text = unicodedata.normalize("NFKC", "".join(text.split()))
    local, at, domain = text.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" if at else text


def _count(bucket: str, limit: int, window: int) -> None:
    values: dict[str, str | int] = {
        "bucket": bucket,
        "limit": limit,
        "window": window,
        "first": FIRST_WAIT_SECONDS,
        "longest": LONGEST_WAIT_SECONDS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        if cursor.fetchone() is not None:
            return
    blocked = AttemptCounter.objects.filter(bucket=bucket).values_list("blocked_until", flat=True)
    until = blocked.first()
    seconds = int((until - timezone.now()).total_seconds()) + 1 if until else 1
    raise TooManyRequests(
        f"Too many attempts: wait {_words(max(seconds, 1))}, then try again.",
        retry_after=max(seconds, 1),
    )


def _words(seconds: int) -> str:
    minutes = (seconds + 59) // 60
    return f"{minutes} minutes" if minutes > 1 else "a minute"


def _account_bucket(kind: Kind, account: str, device: str | None) -> str:
    normal = normal_account(account)
    return _bucket(kind, f"{normal} on {device}" if device else normal)


def _address_bucket(kind: Kind, request: HttpRequest) -> str | None:
    address = counted_as(getattr(request, "client_ip", None))
    return _bucket(kind, f"from {address}") if address else None


def _bucket(kind: Kind, subject: str) -> str:
    return keyed_digest(f"attempts:{kind}:{subject}")
