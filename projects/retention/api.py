"""REST API of retention: how it stands, what would go, and the periods of teams and projects."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from projects.models import Project
from projects.retention import engine, services
from projects.retention.models import RetentionRun
from projects.retention.services import DAYS_MAX
from projects.retention.shown import standings
from restai_site.lib.drf import ModelSerializer, NewestFirstCursor, actor_of
from restai_site.lib.errors import Forbidden
from restai_site.lib.permissions import IsPlatformAdmin, IsSignedIn
from restai_site.lib.viewsets import ReadViewSet, ScopedView
from teams.models import Team


class RunSerializer(ModelSerializer):
    """One removal of what was over."""

    class Meta:
        model = RetentionRun
        fields = [
            *("id", "kind", "asked_by", "started_at", "finished_at", "deleted", "cuts", "failure"),
        ]
        read_only_fields = fields


class StandingSerializer(serializers.Serializer[Any]):
    """A kind of data: for how many days it is kept (0: without an end), and the last removal."""

    kind = serializers.CharField(source="kind.slug")
    title = serializers.CharField(source="kind.title")
    days = serializers.IntegerField(source="kind.days")
    by_project = serializers.BooleanField(source="kind.by_project")
    stricter_rules = serializers.IntegerField(source="stricter")
    last_run = RunSerializer(source="last", allow_null=True)
    next_at = serializers.DateTimeField(allow_null=True)


class RunViewSet(ReadViewSet):
    """Removals of what was over, newest first; for platform administrators."""

    queryset = RetentionRun.objects.all()
    serializer_class = RunSerializer
    permission_classes = [IsSignedIn, IsPlatformAdmin]
    pagination_class = NewestFirstCursor
    lookup_url_kwarg = "retention_run_id"
    lookup_value_converter = "int"


class RetentionView(APIView):
    """How retention stands; for platform administrators."""

    permission_classes = [IsSignedIn, IsPlatformAdmin]

    @extend_schema(responses=StandingSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return each kind of data with its period and its last removal."""
        return Response(StandingSerializer(standings(), many=True).data)

    @extend_schema(request=None, responses={202: None})
    def post(self, request: Request) -> Response:
        """Have everything removed in the background that is over."""
        services.ask_for_purge(actor=actor_of(request))
        return Response(status=202)


class PreviewView(APIView):
    """What would go now; for platform administrators."""

    permission_classes = [IsSignedIn, IsPlatformAdmin]

    @extend_schema(responses={200: dict[str, int]})
    def get(self, request: Request) -> Response:
        """Return how many rows of each kind are over. Nothing is removed."""
        return Response(engine.preview())


class RulesSerializer(serializers.Serializer[Any]):
    """The periods of a team or a project. `rules` are its own, `applying` hold in the end."""

    rules = serializers.DictField(
        child=serializers.IntegerField(min_value=1, max_value=DAYS_MAX, allow_null=True),
        required=False,
    )
    applying = serializers.DictField(child=serializers.IntegerField(), read_only=True)


class RulesView(ScopedView):
    """For how many days a kind of data is kept: seen by members, set by who runs the team."""

    serializer_class = RulesSerializer
    filter_backends: list[Any] = []
    pagination_class = None
    http_method_names = ["get", "head", "options", "patch"]

    def check_editable(self, row: Any) -> None:
        """Refuse others before the body is read."""
        if self.request.method not in SAFE_METHODS and not services.may_set(row, self.actor):
            raise Forbidden(services.FOR_TEAM_ADMINS)

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return the periods: the own ones, and what holds in the end (0: without an end)."""
        return self._shown(self.get_object())

    def patch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Set periods of its own, by kind; null takes one away. They may only be shorter."""
        owner = self.get_object()
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        services.set_rules(owner, serializer.validated_data.get("rules", {}), actor=self.actor)
        return self._shown(owner)

    def _shown(self, owner: services.Owner) -> Response:
        return Response(
            {"rules": services.rules_of(owner), "applying": services.applying_to(owner)}
        )


class TeamRulesView(RulesView):
    """Periods of a team."""

    queryset = Team.objects.order_by("id")
    lookup_url_kwarg = "team_id"


class ProjectRulesView(RulesView):
    """Periods of a project."""

    queryset = Project.objects.select_related("team").order_by("id")
    lookup_url_kwarg = "project_id"
