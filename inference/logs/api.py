"""REST API of the log of a project, and the log as a file."""

from functools import partial
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe
from rest_framework import serializers

from accounts import credentials, exports
from audit.services import record
from inference.logs.filters import LogFilter
from inference.models import InferenceLog
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.db import in_database
from restai_site.lib.drf import ModelSerializer, NewestFirstCursor
from restai_site.lib.errors import Forbidden
from restai_site.lib.filters import asked_of, given_to, require_sense
from restai_site.lib.viewsets import ReadViewSet

NOT_YOURS = "The log of a project is for admins of its team."
FIELDS = (
    *("id", "created_at", "call_id", "user_id", "user_email", "api_key_id", "conversation_id"),
    *("surface", "model_name", "prompt_tokens", "completion_tokens", "cost", "latency_ms"),
    *("first_token_ms", "outcome", "streamed", "request_id", "page", "question", "answer"),
)


class LogSerializer(ModelSerializer):
    """A call of a project, and what was said in it as far as the project keeps it."""

    user_email = serializers.EmailField(source="user.email", read_only=True, default=None)

    class Meta:
        model = InferenceLog
        fields = list(FIELDS)
        read_only_fields = fields


def managed_project(actor: Actor, project_id: int) -> Project:
    """Return a project whose log the actor may read. Raises Http404, Forbidden."""
    project: Project = get_object_or_404(Project.objects.visible_to(actor), pk=project_id)
    if not Project.objects.managed_by(actor).filter(pk=project.pk).exists():
        raise Forbidden(NOT_YOURS)
    return project


class LogViewSet(ReadViewSet):
    """The log of a project, newest first; for admins of its team. Each look at it is recorded."""

    queryset = InferenceLog.objects.select_related("user")
    serializer_class = LogSerializer
    filterset_class = LogFilter
    pagination_class = NewestFirstCursor
    lookup_url_kwarg = "log_id"
    lookup_value_converter = "int"

    def visible(self, rows: Any) -> Any:
        """Narrow to the project in the address."""
        project = managed_project(self.actor, self.kwargs["project_id"])
        return super().visible(rows).filter(project=project)


@require_safe
async def log_csv(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """Answer with the log as CSV. The filters are those of the list."""
    actor, asked = await in_database(_begin, request, project_id)
    read = partial(read_portion, actor, project_id, asked)
    return exports.as_csv(actor, read, FIELDS, f"project-{project_id}-log.csv")


@require_safe
async def log_jsonl(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """Answer with the log as lines of JSON."""
    actor, asked = await in_database(_begin, request, project_id)
    read = partial(read_portion, actor, project_id, asked)
    return exports.as_json_lines(actor, read, f"project-{project_id}-log.jsonl")


@transaction.atomic
def _begin(request: HttpRequest, project_id: int) -> tuple[Actor, dict[str, str]]:
    """Find out who asks for what, and record it. Raises as `managed_project`, and Invalid."""
    actor = credentials.require(request)
    project = managed_project(actor, project_id)
    asked = asked_of(request)
    found = LogFilter(asked, queryset=InferenceLog.objects.visible_to(actor))
    require_sense(found)
    given = given_to(found, asked)
    changes = {"filters": given}
    record(actor, "inference_log.export", project, team_id=project.team_id, changes=changes)
    return actor, given


def read_portion(
    actor: Actor, project_id: int, asked: dict[str, str], before: int | None = None
) -> list[dict[str, Any]]:
    """Return the rows with lower numbers than `before`, newest first. One query."""
    rows = InferenceLog.objects.visible_to(actor).filter(project_id=project_id)
    rows = LogFilter(asked, queryset=rows).qs
    if before is not None:
        rows = rows.filter(pk__lt=before)
    names = [name for name in FIELDS if name != "user_email"]
    found = rows.order_by("-pk").values(*names, "user__email")[: exports.PORTION_ROWS]
    return [{"user_email": row.pop("user__email"), **row} for row in found]
