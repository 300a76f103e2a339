"""Django's session engine on our rows: `request.session` and the cookie behind it.

The key of a session, as Django calls it, is the whole token, so that the cookie carries it.
"""

import json
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.utils import timezone

from accounts.models import Session, User
from accounts.sections import AuthenticationSection
from accounts.sessions import tokens
from restai_site.lib.configuration import current

SEEN_RESOLUTION = timedelta(minutes=1)
# What a browser that has not signed in may keep: the way to an identity provider and back.
ANONYMOUS_LIFETIME = timedelta(hours=1)


def _living(sid: UUID) -> Session | None:
    """Return the row if it has ended neither by itself nor by idleness, and note that it lives."""
    now = timezone.now()
    found = Session.objects.select_related("user").filter(pk=sid, expires_at__gt=now)
    # One row at most, so there is nothing to order; `first` would, for every page that is opened.
    row: Session | None = next(iter(found), None)
    if row is None:
        return None
    idle = now - row.last_seen_at
    if idle > timedelta(minutes=current(AuthenticationSection).session_idle_minutes):
        return None
    if idle > SEEN_RESOLUTION:
        Session.objects.filter(pk=sid).update(last_seen_at=now)
    return row


class SessionStore(SessionBase):
    """A session. Nothing is read before it is asked for; then one query brings row and user."""

    _row: Session | None = None
    _looked = False

    @property
    def row(self) -> Session | None:
        """The row that the cookie stands for, or None where it does not hold (any more)."""
        if not self._looked:
            self._row = self._find()
            self._looked = True
        return self._row

    @property
    def user(self) -> User | None:
        """Who has signed in, by every factor asked of them; suspended users never."""
        user = self.row.user if self.row else None
        return user if user is not None and user.is_active else None

    def begin(self, row: Session) -> None:
        """Go on as `row`, which is saved; the session before it ends, and its data with it."""
        self.delete()
        self.switch(row)

    def switch(self, row: Session) -> None:
        """Go on as `row`, which is saved; the session before it stays."""
        self._take(row)
        self._session_cache: dict[str, Any] = {}
        self.modified = True

    def _take(self, row: Session) -> None:
        self._row, self._looked = row, True
        self._session_key = tokens.issue(row)

    def _find(self) -> Session | None:
        claims = tokens.read(self.session_key) if self.session_key else None
        if claims is None:
            return None
        row = _living(claims.sid)
        if row is None or (row.user_id or 0, tuple(row.amr)) != (claims.user_id, claims.amr):
            return None
        if row.impersonation_ends_at is None or row.impersonation_ends_at > timezone.now():
            return row
        # The administrator goes on in their own name; the cookie is replaced by this answer.
        own = _living(row.parent_id) if row.parent_id else None
        if own is not None:
            self._session_key = tokens.issue(own)
            self.modified = True
        return own

    # --- What Django asks of an engine -------------------------------------------------------

    def load(self) -> dict[str, Any]:
        """Return the data of the session; a session that does not hold loses its key."""
        if self.row is None:
            self._session_key = None
            return {}
        return self.decode(self.row.data)

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Return the data as the encrypted column holds them."""
        return json.dumps(session_dict, separators=(",", ":")) if session_dict else ""

    def decode(self, session_data: str | bytes) -> dict[str, Any]:
        """Return what `encode` made of the data."""
        return json.loads(session_data) if session_data else {}

    def exists(self, session_key: str | None = None) -> bool:
        """Tell whether the session behind a key still holds."""
        return type(self)(session_key).row is not None

    def create(self) -> None:
        """Make the session of a browser that has not signed in."""
        now = timezone.now()
        row = Session.objects.create(
            created_at=now, last_seen_at=now, expires_at=now + ANONYMOUS_LIFETIME
        )
        self._take(row)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Write the data. Raises UpdateError where the session has been ended meanwhile."""
        data = self.encode(self._get_session(no_load=must_create))  # type: ignore[attr-defined]
        if self._session_key is None or self.row is None:
            self.create()
        assert self._row is not None  # noqa: S101 - `create` has made it
        self._row.data = data
        if not Session.objects.filter(pk=self._row.pk).update(data=data):
            raise CreateError if must_create else UpdateError

    def delete(self, session_key: str | None = None) -> None:
        """End the session."""
        row = type(self)(session_key).row if session_key else self.row
        if row is not None:
            Session.objects.filter(pk=row.pk).delete()
        if not session_key:
            self._row, self._looked = None, True

    def flush(self) -> None:
        """End the session and forget its data."""
        self.delete()
        self._session_key = None
        self._session_cache = {}
        self.modified = True
        self.accessed = True

    def cycle_key(self) -> None:
        """Go on with the same data under another id; a session of a user begins by `begin`."""
        data = dict(self._get_session())  # type: ignore[attr-defined]
        self.delete()
        self.create()
        self._session_cache = data

    def get_expiry_age(self, **kwargs: Any) -> int:
        """Return how many seconds the cookie is kept by the browser."""
        if self._row is None:
            return int(ANONYMOUS_LIFETIME.total_seconds())
        return max(0, int((self._row.expires_at - timezone.now()).total_seconds()))

    @classmethod
    def clear_expired(cls) -> None:
        """Delete the sessions without a user that have ended by time."""
        Session.objects.filter(user=None, expires_at__lt=timezone.now()).delete()

    @classmethod
    def opened(cls, row: Session) -> Self:
        """Return a store that stands for `row`, for tests and commands."""
        store = cls()
        store._take(row)
        store._session_cache = {}
        return store
