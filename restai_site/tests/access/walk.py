"""Sending one request as one role, and taking back whatever it did."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Session
from restai_site.lib import configuration
from restai_site.tests.access.bodies import body_for
from restai_site.tests.access.routes import Route
from restai_site.tests.access.stage import Stage
from restai_site.tests.canaries import CanaryHandler, StatementWatch, leaks
from restai_site.tests.clients import AuditedClient, WriteLog

# Tables that requests may write to whatever the answer: the log-in session, and the trail itself.
NOT_COMPARED = frozenset(
    {
        *("accounts_session", "accounts_signingkey", "accounts_attemptcounter"),
        *("audit_entry", "audit_unsealed"),
    }
)


@dataclass(frozen=True)
class Answer:
    """What came back, and what the request wrote (and has not been allowed to write unseen)."""

    status: int
    body: bytes
    writes: list[str]
    changed: bool
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """The status, with a star where the request changed something."""
        return f"{self.status}{'*' if self.changed else ''}"


class Walker:
    """The browsers of all roles; each request is rolled back."""

    def __init__(self, stage: Stage, logged: CanaryHandler) -> None:
        self.stage = stage
        self.logged = logged
        self.browsers: dict[str, AuditedClient] = {"anonymous": AuditedClient()}
        for role, user in stage.people.items():
            self.browsers[role] = AuditedClient()
            self.browsers[role].force_login(user)
        for role, key in stage.keys.items():
            self.browsers[role] = AuditedClient(headers={"Authorization": f"Bearer {key}"})
        self.signed_in = list(Session.objects.filter(user__in=stage.people.values()))
        self.before = checksums()
        for browser in self.browsers.values():
            browser.raise_request_exception = False

    def sign_in_again(self) -> None:
        """Make the log-ins recent: the whole walk takes longer than a log-in counts as proof."""
        now = timezone.now()
        mine = Session.objects.filter(pk__in=[row.pk for row in self.signed_in])
        mine.update(created_at=now, last_seen_at=now)

    def send(
        self,
        role: str,
        method: str,
        route: Route,
        values: dict[str, str],
        body: dict[str, Any] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer; the database is as before."""
        sent = body_for(self.stage, method, route.path) if body is None else body
        content: dict[str, Any] = {"headers": headers}
        if route.is_json and method not in {"GET", "HEAD", "TRACE"}:
            content |= {"data": sent, "content_type": "application/json"}
        elif method == "POST":
            content["data"] = sent
        log, watch = WriteLog(), StatementWatch()
        browser = self.browsers[role]
        cookies = dict(browser.cookies)
        with rolled_back(), connection.execute_wrapper(log), connection.execute_wrapper(watch):
            response = getattr(browser, method.lower())(route.filled(values), **content)
            # Signed in as before, also after logging out.
            browser.cookies = SimpleCookie(cookies)
            text = b"" if response.streaming else response.content
            # Only what was refused after all may have been written and taken back.
            served = response.status_code < 400
            changed = bool(log.writes) and (served or checksums() != self.before)
            self._refuse_leaks(f"{method} {route.path} as {role}", response, text, watch)
            if method == "GET":
                _refuse_unrecorded_files(route, response, log)
            if log.writes:
                # What is taken back may have been a setting.
                configuration.forget()
            return Answer(response.status_code, text, log.writes, changed, response.headers)

    def _refuse_leaks(self, request: str, response: Any, text: bytes, watch: Any) -> None:
        """Fail when a secret of the stage, or one just sent, is in the answer, a log or the SQL."""
        head = f"{response.headers!r} {response.cookies.output()}"
        logged = self.logged.found[:]
        self.logged.found.clear()
        found = [*leaks(text), *leaks(head), *logged, *watch.found]
        assert not found, f"{request} gives away: {found}"


def _refuse_unrecorded_files(route: Route, response: Any, log: WriteLog) -> None:
    """Fail when a file was taken away and the trail does not say so."""
    is_file = "attachment" in response.headers.get("Content-Disposition", "")
    assert log.audited or log.requests or not is_file, f"{route.path} gave a file unrecorded"


@contextmanager
def rolled_back() -> Iterator[None]:
    """Take back what is done inside, whatever happened to the transaction meanwhile."""
    mark = transaction.savepoint()
    try:
        yield
    finally:
        transaction.set_rollback(False)
        transaction.savepoint_rollback(mark)


def checksums() -> dict[str, Any]:
    """Return the number of rows and a checksum of each table."""
    tables = [name for name in connection.introspection.table_names() if name not in NOT_COMPARED]
    total = "coalesce(sum(hashtextextended(t::text, 0)), 0)"
    parts = [f"SELECT '{name}', count(*), {total} FROM \"{name}\" t" for name in tables]  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return {name: (count, total) for name, count, total in cursor.fetchall()}


def empty_cache() -> None:
    """Forget rate limits, which no rollback takes back."""
    cache.clear()
