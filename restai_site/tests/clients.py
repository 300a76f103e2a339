"""The shared test clients. A request that writes without leaving an audit entry fails the test.

So does one that may write and does not leave exactly one entry of its own.
"""

import re
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connection
from django.test import AsyncClient, Client
from django.urls import Resolver404, resolve
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.credentials import is_impersonated
from accounts.models import Session, User
from accounts.sessions import tokens
from audit.models import READ, REQUEST

# In a statement WITH, wherever it stands; a lock (FOR UPDATE OF) is no write.
WRITE = re.compile(
    r'^\s*(?:WITH\b.*?\b)?(?:INSERT INTO|(?<!FOR )(?<!KEY )UPDATE|DELETE FROM)\s+"?(\w+)"?',
    re.IGNORECASE | re.DOTALL,
)
# What may be written without an entry, and why.
UNAUDITED = [
    re.compile(r'^(INSERT INTO|UPDATE|DELETE FROM) "accounts_session"'),  # the log-in is audited
    re.compile(r'^(INSERT INTO|UPDATE|DELETE FROM) "accounts_signingkey"'),  # made when needed
    re.compile(
        r'^\s*(INSERT INTO|UPDATE|DELETE FROM) "?accounts_attemptcounter'
    ),  # counts of guesses
    re.compile(r'^UPDATE "accounts_apikey" SET "last_used_at" = [^,]+ WHERE'),  # once a minute
    # Up to where the codes of an app and the counter of a passkey are used up.
    re.compile(r'^UPDATE "accounts_totpdevice" SET "last_step" = [^,]+ WHERE'),
    re.compile(r'^UPDATE "accounts_passkey" SET "sign_count" = '),
    re.compile(
        r'^UPDATE "accounts_linkedaccount" SET "email" = [^,]+, "last_used_at" = [^,]+ WHERE'
    ),
    re.compile(r'^UPDATE "accounts_ldapaccount" SET "last_seen" = [^,]+ WHERE'),
    # A ledger of its own, what running calls hold, and that a budget refuses them.
    re.compile(r'^\s*INSERT INTO "?metering_(usagerecord|budgetperiod|budgetalert)"?'),
    re.compile(r"^\s*WITH lines AS .*UPDATE metering_budgetperiod", re.DOTALL),
    re.compile(r'^(INSERT INTO|UPDATE) "inference_message"'),  # people's own words
    re.compile(r'^UPDATE "inference_conversation" SET "updated_at" = [^,]+ WHERE'),
    # The title of one whose first question waited for guards; that it was begun is in the trail.
    re.compile(
        r'^UPDATE "inference_conversation" SET "title" = [^,]+ WHERE .*"title" = ', re.DOTALL
    ),
    re.compile(r"^\s*INSERT INTO inference_inferencelog"),  # a log of its own, as the ledger is
    re.compile(r'^INSERT INTO "guards_guardevent"'),  # what guards found, a log of its own
    # Visitors of other websites' pages, and what they think of answers.
    re.compile(r'^(INSERT INTO|UPDATE) "widget_(visitor|visitorsession|feedback)"'),
]
AUDIT_TABLE = "audit_entry"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
# Calls of models leave an entry where they are refused; the ledger has the others.
MODEL_CALLS = {
    *("openai:chat-completions", "openai:embeddings", "openai:images"),
    *("openai:speech", "openai:transcriptions", "project-chat"),
    *("widget:chat", "widget:config", "widget:session", "widget:feedback"),
    *("widget:conversation", "widget:conversations"),
}


class WriteLog:
    """Collects the writes of one request."""

    def __init__(self) -> None:
        self.writes: list[str] = []
        self.audited = False
        self.requests: list[str] = []

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, ctx: Any
    ) -> Any:
        result = execute(sql, params, many, ctx)
        # A statement that the database has refused wrote nothing.
        match = WRITE.match(str(sql))
        if match and match[1] == AUDIT_TABLE:
            told = [one for one in params if isinstance(one, str) and one.startswith(REQUEST)]
            self.requests += told
            self.audited = self.audited or not told
        elif match and not any(allowed.match(str(sql)) for allowed in UNAUDITED):
            self.writes.append(str(sql)[:200])
        return result

    def check(self, request: Any, status: int, *, names_two: bool = False) -> None:
        """Fail when something was written and nothing recorded, or the request itself was not.

        Where an administrator acts as somebody else (`names_two`) calls of models are recorded too.
        """
        served = [] if names_two else MODEL_CALLS
        self._check_request(request["REQUEST_METHOD"], request["PATH_INFO"], status, served)
        if self.writes and not self.audited:
            written = "\n  ".join(self.writes)
            raise AssertionError(
                f"{request.get('REQUEST_METHOD')} {request.get('PATH_INFO')} wrote without an "
                f"audit entry:\n  {written}"
            )

    def _check_request(
        self, method: str, path: str, status: int, unrecorded: Collection[str]
    ) -> None:
        told = [one for one in self.requests if one != READ]
        if method in SAFE_METHODS or (status < 400 and route_of(path) in unrecorded):
            expected = []
        else:
            expected = [REQUEST + method.lower()]
        assert told == expected, f"{method} {path} ({status}) left {told} and not {expected}"


def route_of(path: str) -> str:
    """Return the name of the route of `path`, or an empty text."""
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""


def start_session(user: User, **values: Any) -> str:
    """Return the cookie of a new session of `user`, as the log-in page would make it."""
    now = timezone.now()
    times = {"created_at": now, "last_seen_at": now, "expires_at": now + timedelta(hours=8)}
    row = Session.objects.create(user=user, **{"amr": ["pwd"], **times, **values})
    return tokens.issue(row)


class _Audited:
    def force_login(self, user: User, **values: Any) -> None:
        """Sign in without a log-in page: with a session and a cookie as it makes them."""
        cookie = start_session(user, **values)
        self.cookies[settings.SESSION_COOKIE_NAME] = cookie

    def request(self, **request: Any) -> Any:
        log = WriteLog()
        with connection.execute_wrapper(log):
            response = super().request(**request)
        names_two = is_impersonated(response.wsgi_request)
        log.check(request, response.status_code, names_two=names_two)
        return response


class AuditedClient(_Audited, Client):
    """For pages."""


class AuditedAPIClient(_Audited, APIClient):
    """For the REST API and /v1; `with_key` sends a bearer token."""

    def with_key(self, plaintext: str) -> "AuditedAPIClient":
        self.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
        return self


def post_for_stream(url: str, body: Any, *, key: str, **more: str) -> tuple[Any, bytes]:
    """Post `body` and read the streamed answer in one event loop, as a server does.

    `more` are further headers, with _ for -. Returns the response and all of its bytes.
    """

    async def run() -> tuple[Any, bytes]:
        given = {name.replace("_", "-"): value for name, value in more.items()}
        headers = {"Authorization": f"Bearer {key}", **given}
        response = await AsyncClient().post(
            url, body, content_type="application/json", headers=headers
        )
        if not response.streaming:
            return response, response.content
        return response, b"".join([part async for part in response.streaming_content])

    log = WriteLog()
    with connection.execute_wrapper(log):
        answer = async_to_sync(run)()
    log.check({"REQUEST_METHOD": "POST", "PATH_INFO": url}, answer[0].status_code)
    return answer
