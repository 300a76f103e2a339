"""REST API of the files of what the platform has about a team."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from accounts.personal import files
from restai_site.lib.drf import ModelSerializer
from restai_site.lib.viewsets import READ, ReadViewSet
from teams.data import services
from teams.data.models import TeamExport
from teams.models import Team


class TeamExportSerializer(ModelSerializer):
    """A file with everything about a team. `done` of `total` kinds of data are in it so far."""

    class Meta:
        model = TeamExport
        fields = [
            *("id", "created_at", "asked_by", "finished_at", "done", "total", "size", "failure"),
        ]
        read_only_fields = fields


class TeamExportViewSet(mixins.CreateModelMixin, ReadViewSet):
    """Files of a team's data, newest first; a POST has one made. For its admins, not for keys."""

    queryset = TeamExport.objects.defer("content").order_by("-pk")
    serializer_class = TeamExportSerializer
    http_method_names = [*READ, "post"]
    lookup_url_kwarg = "team_export_id"

    def get_queryset(self) -> QuerySet[TeamExport]:
        found: QuerySet[TeamExport] = super().get_queryset()
        if not getattr(self, "swagger_fake_view", False):
            found = found.filter(team=self._team())
        return found

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Have a file made in the background; one that is being made is returned."""
        serializer.instance = services.ask(self._team(), actor=self.actor)

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def file(self, request: Request, team_id: int, team_export_id: int) -> HttpResponse:
        """Return the file."""
        export = self.get_object()
        return files.answer(services.fetch(export, actor=self.actor), f"{export.pk}.zip")

    def _team(self) -> Team:
        team: Team = self.parent(Team.objects.all(), self.kwargs["team_id"])
        return team
