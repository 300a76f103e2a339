"""Tables of rows: search, sort and pages, all of it in the address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

ROWS_PER_PAGE = 25
QUERY_MAX_LENGTH = 100
RowT = TypeVar("RowT", bound=Model)


@dataclass(frozen=True)
class Table(Generic[RowT]):
    """One page of rows and what it was narrowed and sorted by."""

    page: Page[RowT]
    query: str
    sort: str
    kept: list[tuple[str, str]]

    @property
    def rows(self) -> Sequence[RowT]:
        return self.page.object_list  # type: ignore[return-value]

    @property
    def total(self) -> int:
        return self.page.paginator.count


def table_of(
    request: HttpRequest,
    rows: QuerySet[RowT],
    *,
    sorts: Mapping[str, str],
    default: str,
    search: Sequence[str] = (),
) -> Table[RowT]:
    """Return the page of `rows` that the address asks for.

    `sorts` maps the words of ?sort= to fields, `search` names the fields in which ?q= is looked
    for. Unknown words fall back to `default`, pages out of range to the nearest one.
    """
    query = clean_query(request.GET.get("q", ""))
    sort = request.GET.get("sort", default)
    if sort.removeprefix("-") not in sorts:
        sort = default
    field = sorts[sort.removeprefix("-")]
    order = f"-{field}" if sort.startswith("-") else field
    if query:
        rows = rows.filter(_anywhere(search, query))
    page = Paginator(rows.order_by(order, "pk"), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    kept = [(key, str(value)) for key, value in request.GET.items() if key not in {"q", "page"}]
    return Table(page=page, query=query, sort=sort, kept=kept)


def clean_query(text: str) -> str:
    """Return a search text as the database can take it."""
    return text.replace("\0", "").strip()[:QUERY_MAX_LENGTH]


def _anywhere(fields: Sequence[str], query: str) -> Q:
    found = Q()
    for name in fields:
        found |= Q(**{f"{name}__icontains": query})
    return found


def tab(label: str, url: str, *, is_current: bool) -> dict[str, Any]:
    """Return one entry of ui/tabs.html."""
    return {"label": label, "url": url, "is_current": is_current}
