"""Pages of the audit trail: the list, by what it was narrowed to, and one entry."""

from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import PageView, SignedInRequest, platform_admin, signed_in
from audit import verifications
from audit.api.filters import EntryFilter
from audit.models import Entry, Seal, Unsealed, Verification
from audit.readers import may_read
from restai_site.lib.errors import Forbidden
from restai_site.ui.slices import narrowed

RELATED = 20


@dataclass(frozen=True, slots=True)
class Field:
    """A filter in which something is typed; `kind` and `mode` are types of HTML inputs."""

    name: str
    label: str
    placeholder: str = ""
    longest: int = 64
    kind: str = "text"
    mode: str = "text"


FIELDS = (
    Field("text", "Words", "a name, or what became of it", 200, kind="search"),
    Field("actor_email", "Person", "ada@example.org", 254, kind="email"),
    Field("action", "Action", "project.update"),
    Field("target_type", "Target", "projects.project"),
    Field("target_id", "Number"),
    Field("team", "Team number", longest=19, mode="numeric"),
    Field("ip", "IP address", "192.0.2.1", 45),
    Field("status", "Status", "403", 3, mode="numeric"),
    Field("request_id", "Request"),
    Field("since", "From (UTC)", "2026-11-26T08:00Z", 32),
    Field("until", "Before (UTC)", "2026-11-27T00:00Z", 32),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of an entry: what it was and what it became, or what is noted of it."""

    name: str
    before: Any = None
    after: Any = None
    is_change: bool = True


def reader(view: PageView) -> PageView:
    """Let in whoever may read something of the trail."""

    @signed_in
    @wraps(view)
    def checked(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may_read(request.actor):
            raise Forbidden("The audit trail is for platform administrators.")
        return view(request, *args, **kwargs)

    return checked


@require_safe
@reader
def entries(request: SignedInRequest) -> HttpResponse:
    """List the trail, newest first. Paged by number, so that every page costs the same."""
    context = narrowed(request, EntryFilter, Entry.objects.visible_to(request.actor))
    context |= {
        "fields": [(field, context["given"].get(field.name, "")) for field in FIELDS],
        "sees_all": request.actor.is_platform_admin,
    }
    if request.actor.is_platform_admin:
        context |= _chain()
    return render(
        request, "audit/entries.html", context, status=200 if context["is_valid"] else 400
    )


@require_POST
@platform_admin
def verify(request: SignedInRequest) -> HttpResponse:
    """Have the whole trail verified; the page says what came of it."""
    verifications.ask(actor=request.actor)
    return redirect("audit:entries")


@require_safe
@reader
def entry(request: SignedInRequest, entry_id: int) -> HttpResponse:
    """Show one entry with its differences, and what else the same request did."""
    visible = Entry.objects.visible_to(request.actor)
    found = get_object_or_404(visible, pk=entry_id)
    same = visible.filter(request_id=found.request_id).exclude(pk=found.pk).order_by("pk")
    context = {
        "entry": found,
        "differences": differences(found),
        "related": same[:RELATED] if found.request_id else [],
        "waits": Unsealed.objects.filter(pk=found.pk).exists(),
    }
    return render(request, "audit/entry.html", context)


def _chain() -> dict[str, Any]:
    """Return how the chain stands: its newest seal, what waits for one, and the last look at it."""
    return {
        "seal": Seal.objects.order_by("-number").only("number", "sealed_at").first(),
        "waiting": Unsealed.objects.count(),
        "verification": Verification.objects.first(),
    }


def differences(entry: Entry) -> list[Difference]:
    """Return what an entry says of fields, in the order of their names."""
    found = []
    for name, value in sorted(entry.changes.items()):
        if isinstance(value, dict) and value.keys() == {"before", "after"}:
            found.append(Difference(name, value["before"], value["after"]))
        else:
            found.append(Difference(name, after=value, is_change=False))
    return found
