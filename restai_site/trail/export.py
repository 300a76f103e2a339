"""`GET /api/audit.csv` and `/api/audit.jsonl`: a list of entries as a file, newest first.

The file that others can verify is another: `manage.py export_audit`.
"""

from functools import partial
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from accounts import credentials, exports
from audit.api.filters import EntryFilter
from audit.api.serializers import EntrySerializer
from audit.models import Entry
from audit.readers import may_read
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.db import in_database
from restai_site.lib.errors import Forbidden
from restai_site.lib.filters import asked_of, given_to, require_sense

FIELDS = tuple(EntrySerializer.Meta.fields)
NOT_YOURS = "The audit trail is for platform administrators."


@require_safe
async def entries_csv(request: HttpRequest) -> HttpResponseBase:
    """Answer with the entries as CSV. The filters are those of the lists."""
    actor, asked = await in_database(_begin, request)
    return exports.as_csv(actor, partial(read_portion, actor, asked), FIELDS, "audit.csv")


@require_safe
async def entries_jsonl(request: HttpRequest) -> HttpResponseBase:
    """Answer with the entries as lines of JSON."""
    actor, asked = await in_database(_begin, request)
    return exports.as_json_lines(actor, partial(read_portion, actor, asked), "audit.jsonl")


@transaction.atomic
def _begin(request: HttpRequest) -> tuple[Actor, dict[str, str]]:
    """Find out who asks for what, and record it. Raises Unauthenticated, Forbidden, Invalid."""
    actor = credentials.require(request)
    if not may_read(actor):
        raise Forbidden(NOT_YOURS)
    asked = asked_of(request)
    found = EntryFilter(asked, queryset=Entry.objects.visible_to(actor))
    require_sense(found)
    given = given_to(found, asked)
    record(actor, "audit.download", Entry, name="Audit trail", changes={"filters": given})
    return actor, given


def read_portion(
    actor: Actor, asked: dict[str, str], before: int | None = None
) -> list[dict[str, Any]]:
    """Return the entries with lower numbers than `before`, newest first. One query.

    One more asks which teams the actor may read of, where it is no platform administrator.
    """
    rows = EntryFilter(asked, queryset=Entry.objects.visible_to(actor)).qs
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return list(rows.order_by("-pk").values(*FIELDS)[: exports.PORTION_ROWS])
