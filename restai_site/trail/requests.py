"""One entry in the audit trail for each request that would change something.

Services record what was changed, in the transaction of the change. This records that somebody
asked, and how it ended, also where it was refused or failed; and reads of what is sensitive. Where
the entry cannot be written the answer is 503.
"""

import asyncio
import logging
import re
from secrets import token_bytes
from uuid import UUID

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.db import Error
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve

from accounts.credentials import is_impersonated, sender
from accounts.route_rules import SAFE_METHODS
from audit.models import REFUSED
from audit.services import Unrecorded, record_request
from restai_site.lib import windows
from restai_site.lib.actor import Actor
from restai_site.lib.db import in_database
from restai_site.lib.errors import Unavailable
from restai_site.lib.http import render_error
from restai_site.lib.requests import counted_as
from restai_site.middleware import GetResponse

log = logging.getLogger(__name__)
# Where nothing is changed by any method, and monitors ask all the time.
UNRECORDED_PATHS = ("/health/", settings.STATIC_URL)
# Calls of models: one that was served is in the ledger, with all that would stand here.
MODEL_CALLS = frozenset(
    {
        "openai:chat-completions",
        "openai:embeddings",
        "openai:images",
        "openai:speech",
        "openai:transcriptions",
        "project-chat",
        "widget:chat",
        # What pages of other websites ask for each of their visitors.
        *("widget:config", "widget:session", "widget:conversation", "widget:conversations"),
        "widget:feedback",
    }
)
# Reads of the trail, of findings of guards, of logs, of what visitors say, of use as a file; and
# the way in that is GET. Who read what others may do, or took the data of a person or a team, is
# recorded by the services, which know more of it.
SENSITIVE_READS = frozenset(
    {
        *("audit:entries", "audit:entry", "audit-list", "audit-detail"),
        *("audit-csv", "audit-jsonl", "logs:log", "logs:call", "project-log"),
        *("project-log-call", "project-log-csv", "project-log-jsonl"),
        *("guards:events", "guards:team_events", "guards:project_events"),
        *("guards:event", "guard-event-list", "guard-event-detail", "guard-events-csv"),
        *("widgets:feedback", "project-widget-feedback", "analytics-csv"),
        "accounts:sso_callback",
    }
)
# A client that went before the answer, as nginx and others write it.
CLIENT_LEFT = 499
UNAVAILABLE = 503
# Within a minute, of one sender, route and status; and of all who are unknown together.
REFUSALS_MAX = 60
UNKNOWN_REFUSALS_MAX = 20
ALL_UNKNOWN_REFUSALS_MAX = 300
FLOOD = "No more of these are recorded within this minute."
PLACE = re.compile(r"<(?:\w+:)?(\w+)>")
# Texts in addresses that open nothing.
NAMES = frozenset({"slug", "section", "provider_slug", "object_id", "app_label"})


class RequestTrailMiddleware:
    """Writes the entry when the answer is known, before it is given."""

    async_capable = sync_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> object:
        if self.is_async:
            return self._answer_later(request)
        response: HttpResponseBase = self.get_response(request)
        if not is_recorded(request, response.status_code):
            return response
        return write(request, response.status_code) or response

    async def _answer_later(self, request: HttpRequest) -> HttpResponseBase:
        try:
            response: HttpResponseBase = await self.get_response(request)
        except asyncio.CancelledError:
            # A view in a thread goes on without its client, and so may what it changes.
            if is_recorded(request, CLIENT_LEFT):
                await asyncio.shield(in_database(write, request, CLIENT_LEFT))
            raise
        if not is_recorded(request, response.status_code):
            return response
        return await in_database(write, request, response.status_code) or response


def is_recorded(request: HttpRequest, status: int) -> bool:
    """Tell whether a request that ends with `status` leaves an entry."""
    if request.path_info.startswith(UNRECORDED_PATHS):
        return False
    if is_impersonated(request):
        # Whatever an administrator sees in somebody's name, and what they say in it.
        return True
    match = request.resolver_match
    route = match.view_name if match is not None else ""
    if request.method in SAFE_METHODS:
        return route in SENSITIVE_READS
    is_call = route in MODEL_CALLS
    return not (is_call and (status < REFUSED or status == CLIENT_LEFT))


def write(request: HttpRequest, status: int) -> HttpResponseBase | None:
    """Write the entry, and return None, or the answer where it cannot be written."""
    try:
        actor = sender(request)
        notes = _notes_of(actor, request, status)
        if notes is None:
            return None
        match = _match_of(request)
        record_request(
            actor,
            method="read" if request.method in SAFE_METHODS else str(request.method),
            route=match.view_name if match else "",
            address=_address(match),
            status=status,
            notes=notes,
        )
    except Unrecorded as error:
        return render_error(request, error)
    except Error as error:
        # The database is away, or will not say who that was.
        log.critical("A request could not be recorded: %s", type(error).__name__)
        return render_error(request, Unrecorded())
    return None


def _match_of(request: HttpRequest) -> ResolverMatch | None:
    """Return the route, also where the request was refused before it was looked for."""
    if request.resolver_match is not None:
        return request.resolver_match
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


def _address(match: ResolverMatch | None) -> str:
    """Return the address without what opens something: the tokens of links."""
    if match is None:
        return "no such address"

    def filled(place: "re.Match[str]") -> str:
        value = match.kwargs.get(place[1])
        is_shown = isinstance(value, int | UUID) or place[1] in NAMES
        return str(value) if is_shown else "…"

    return "/" + PLACE.sub(filled, match.route)


def _notes_of(actor: Actor, request: HttpRequest, status: int) -> dict[str, str] | None:
    """Return what to note beside the entry, or None where a flood of refusals leaves none.

    Where Redis does not count, each is written: an entry too many is better than one too few.
    """
    # Where a service is away, Redis among them, nobody waits for it a second time.
    if status < REFUSED or status == UNAVAILABLE:
        return {}
    try:
        taken = windows.take(_windows(actor, request, status), token_bytes(8))
    except Unavailable:
        return {}
    if not taken.is_admitted:
        return None
    return {"flood": FLOOD} if any(one.is_full for one in taken.standings) else {}


def _windows(actor: Actor, request: HttpRequest, status: int) -> list[windows.Window]:
    match = request.resolver_match
    what = f"{request.method}:{match.view_name if match else ''}:{status}"
    if actor.user_id is not None:
        return [windows.Window(f"refused:{actor.user_id}:{what}", REFUSALS_MAX)]
    return [
        windows.Window(f"refused:{counted_as(actor.ip)}:{what}", UNKNOWN_REFUSALS_MAX),
        windows.Window("refused:unknown", ALL_UNKNOWN_REFUSALS_MAX),
    ]
