"""Some of the rows of a long list, paged by their numbers: every page costs the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest

from restai_site.lib.filters import asked_of, given_to
from restai_site.lib.requests import number_in

ROWS = 50


@dataclass(frozen=True, slots=True)
class Slice:
    """Some of the rows, newest first, and the addresses of those before and after them."""

    rows: Sequence[Any]
    newer: str = ""
    older: str = ""


def narrowed(request: HttpRequest, filters: Any, rows: Any) -> dict[str, Any]:
    """Return the page of `rows` that the address names, narrowed by a class of filters.

    What a template needs for it: slice, form, given (filters in force), query, is_valid.
    """
    asked = asked_of(request)
    found = filters(asked, queryset=rows)
    is_valid, given = found.is_valid(), given_to(found, asked)
    return {
        "slice": sliced(found.qs if is_valid else rows.none(), asked, given),
        "form": found.form,
        "given": given,
        "query": urlencode(given),
        "is_valid": is_valid,
    }


def sliced(rows: QuerySet[Any], asked: dict[str, str], given: dict[str, str]) -> Slice:
    """Return the page that the address names: `before` or `after` a number, or the newest.

    `asked` is what the address says, `given` what of it goes on to the other pages.
    """
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
