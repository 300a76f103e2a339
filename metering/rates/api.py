"""REST API of the rate limit of a project."""

from typing import Any

from django.db.models import Model
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from metering.api.serializers import ProjectLimitsSerializer
from metering.rates.services import FOR_MANAGERS, set_project_rate
from projects.models import Project
from restai_site.lib.errors import Forbidden
from restai_site.lib.viewsets import ScopedView


class ProjectLimitsView(ScopedView):
    """How often a project may be called: read by who uses it, set by who manages it."""

    queryset = Project.objects.order_by("id")
    serializer_class = ProjectLimitsSerializer
    filter_backends: list[Any] = []
    pagination_class = None
    lookup_url_kwarg = "project_id"
    http_method_names = ["get", "head", "options", "patch"]

    def check_editable(self, row: Model) -> None:
        """Refuse others than managers before the body is read."""
        is_read = self.request.method in {"GET", "HEAD", "OPTIONS"}
        if not is_read and not Project.objects.managed_by(self.actor).filter(pk=row.pk).exists():
            raise Forbidden(FOR_MANAGERS)

    @extend_schema(operation_id="project_limits_retrieve")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Tell how often the project may be called."""
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(operation_id="project_limits_partial_update")
    def patch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Set how often the project may be called; null: as often as its callers like."""
        project = self.get_object()
        serializer = self.get_serializer(project, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        if "requests_per_minute" in values:
            project = set_project_rate(project, **values, actor=self.actor)
        return Response(self.get_serializer(project).data)
