"""Pages of the audit trail: the list, by what it was narrowed to, and one entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, platform_admin
from audit.api.filters import EntryFilter
from audit.models import Entry, EntryQuerySet, Seal, Unsealed
from restai_site.lib.requests import number_in

ROWS = 50
RELATED = 20


@dataclass(frozen=True, slots=True)
class Slice:
    """Some of the rows, newest first, and the addresses of those before and after them."""

    rows: Sequence[Entry]
    newer: str = ""
    older: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of an entry: what it was and what it became, or what is noted of it."""

    name: str
    before: Any = None
    after: Any = None
    is_change: bool = True


@require_safe
@platform_admin
def entries(request: SignedInRequest) -> HttpResponse:
    """List the trail, newest first. Paged by number, so that every page costs the same."""
    asked = {name: value for name, value in request.GET.dict().items() if value}
    found = EntryFilter(asked, queryset=Entry.objects.visible_to(request.actor))
    is_valid = found.is_valid()
    given = {name: asked[name] for name in found.filters if name in asked}
    context = {
        "slice": _slice(found.qs if is_valid else Entry.objects.none(), asked, given),
        "form": found.form,
        "given": given,
        "is_valid": is_valid,
        "seal": Seal.objects.order_by("-number").only("number", "sealed_at").first(),
        "waiting": Unsealed.objects.count(),
    }
    return render(request, "audit/entries.html", context, status=200 if is_valid else 400)


@require_safe
@platform_admin
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


def differences(entry: Entry) -> list[Difference]:
    """Return what an entry says of fields, in the order of their names."""
    found = []
    for name, value in sorted(entry.changes.items()):
        if isinstance(value, dict) and value.keys() == {"before", "after"}:
            found.append(Difference(name, value["before"], value["after"]))
        else:
            found.append(Difference(name, after=value, is_change=False))
    return found


def _slice(rows: EntryQuerySet, asked: dict[str, str], given: dict[str, str]) -> Slice:
    """Return the page that the address names: `before` or `after` a number, or the newest."""
    after, before = number_in(asked.get("after", "")), number_in(asked.get("before", ""))
    if after is not None:
        upwards = list(rows.filter(pk__gt=after).order_by("pk")[: ROWS + 1])
        found = upwards[:ROWS][::-1]
        has_newer, has_older = len(upwards) > ROWS, True
    else:
        older = rows if before is None else rows.filter(pk__lt=before)
        downwards = list(older.order_by("-pk")[: ROWS + 1])
        found = downwards[:ROWS]
        has_newer, has_older = before is not None, len(downwards) > ROWS
    if not found:
        return Slice([])
    return Slice(
        found,
        newer=_address(given, after=found[0].pk) if has_newer else "",
        older=_address(given, before=found[-1].pk) if has_older else "",
    )


def _address(given: dict[str, str], **place: int) -> str:
    return f"?{urlencode({**given, **place})}"
