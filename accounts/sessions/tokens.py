"""The cookie of a session: a JSON Web Token (RFC 7519), and the keys that sign it.

The signature is HMAC with SHA-256 and nothing else, whatever a token says of itself. Keys rotate:
the newest signs, older ones verify until every session they have signed has ended.
"""

import re
import secrets
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from uuid import UUID

import jwt
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Session, SigningKey
from accounts.sections import SESSION_HOURS_MAX

ALGORITHM = "HS256"
KID = re.compile(r"[0-9a-f]{16}")
SECRET_BYTES = 32
# Longer than any cookie of ours; what is longer is not worth a look.
TOKEN_MAX_LENGTH = 1024
CLAIMS = ("sid", "sub", "iat", "exp", "amr")
# How long a process may sign by a key that has been replaced meanwhile.
KEYS_SECONDS = 60
# How often a process asks for keys because tokens name some that it does not know: several times in
# a row, so that a new key is learnt from the first cookie that names it; made-up ones use that up.
UNKNOWN_KEY_READS = 10
UNKNOWN_KEY_SECONDS = 10
# Each key signs for this long.
ROTATION = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says: which session, whose (0: nobody's), proven how."""

    sid: UUID
    user_id: int
    amr: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Keys:
    read_at: float
    secrets: dict[str, str]
    current: str


class _Known:
    """The keys that this process has read; replaced as a whole."""

    keys: _Keys = _Keys(float("-inf"), {}, "")
    lock = Lock()
    # When keys were asked for because of tokens that named unknown ones, the last first.
    reads: deque[float] = deque(maxlen=UNKNOWN_KEY_READS)


def issue(session: Session) -> str:
    """Return the token of `session`. May query; makes the first key where there is none."""
    keys = _keys(KEYS_SECONDS)
    if not keys.current:
        make_first_key()
        keys = _keys(0)
    claims = {
        "sid": session.pk.hex,
        "sub": str(session.user_id or 0),
        "iat": int(session.created_at.timestamp()),
        "exp": int(session.expires_at.timestamp()),
        "amr": list(session.amr),
    }
    secret = keys.secrets[keys.current]
    return jwt.encode(claims, secret, algorithm=ALGORITHM, headers={"kid": keys.current})


def read(token: str) -> Claims | None:
    """Return what `token` says, or None unless its form, signature and times hold.

    Queries only for a key that this process does not know, ten times in ten seconds at most.
    """
    secret = _secret_of(token)
    if secret is None:
        return None
    try:
        claims = jwt.decode(
            token, secret, algorithms=[ALGORITHM], options={"require": list(CLAIMS)}
        )
        return Claims(UUID(hex=claims["sid"]), int(claims["sub"]), _words(claims["amr"]))
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
        return None


def make_first_key() -> None:
    """Make a key unless there is one; of processes that do so at once, one succeeds."""
    try:
        with transaction.atomic():
            if not SigningKey.objects.filter(replaced_at=None).exists():
                _make_key()
    except IntegrityError:
        return


@transaction.atomic
def rotate() -> str:
    """Make a new signing key and return its id; sessions go on under the older ones."""
    now = timezone.now()
    SigningKey.objects.select_for_update().filter(replaced_at=None).update(replaced_at=now)
    return _make_key().kid


@transaction.atomic
def rotate_when_due() -> None:
    """Rotate a key that has signed for ROTATION, and drop keys whose sessions have all ended."""
    now = timezone.now()
    # An hour more than any session lives, for clocks that differ.
    ended = now - timedelta(hours=SESSION_HOURS_MAX + 1)
    SigningKey.objects.filter(replaced_at__lt=ended).delete()
    if SigningKey.objects.filter(replaced_at=None, created_at__lt=now - ROTATION).exists():
        rotate()


def forget_keys() -> None:
    """Read the keys anew at the next question."""
    _Known.keys = _Keys(float("-inf"), {}, "")
    _Known.reads.clear()


def _make_key() -> SigningKey:
    return SigningKey.objects.create(
        kid=secrets.token_hex(8), secret=secrets.token_urlsafe(SECRET_BYTES)
    )


def _words(amr: object) -> tuple[str, ...]:
    if not isinstance(amr, Sequence) or isinstance(amr, str):
        raise TypeError("amr is a list of words.")
    return tuple(str(word) for word in amr)


def _secret_of(token: str) -> str | None:
    if len(token) > TOKEN_MAX_LENGTH or not token.isascii():
        return None
    try:
        kid = jwt.get_unverified_header(token).get("kid")
    except jwt.InvalidTokenError:
        return None
    if not isinstance(kid, str) or not KID.fullmatch(kid):
        return None
    if kid not in _Known.keys.secrets and _may_ask():
        _keys(0)
    return _Known.keys.secrets.get(kid)


def _may_ask() -> bool:
    """Tell whether an unknown key is reason enough for a query now, and count it."""
    now = time.monotonic()
    with _Known.lock:
        reads = _Known.reads
        if len(reads) == UNKNOWN_KEY_READS and now - reads[-1] < UNKNOWN_KEY_SECONDS:
            return False
        reads.appendleft(now)
        return True


def _keys(max_age: float) -> _Keys:
    """Return the keys, read at most `max_age` seconds ago."""
    with _Known.lock:
        if time.monotonic() - _Known.keys.read_at >= max_age:
            rows = list(SigningKey.objects.order_by("id"))
            current = next((row.kid for row in rows if row.replaced_at is None), "")
            known = {row.kid: row.secret for row in rows}
            _Known.keys = _Keys(time.monotonic(), known, current)
        return _Known.keys
