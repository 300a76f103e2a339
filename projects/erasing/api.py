"""REST API: erasing teams."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from projects.erasing import services
from projects.erasing.models import TeamErasure
from restai_site.lib.drf import ModelSerializer, NewestFirstCursor
from restai_site.lib.permissions import IsPlatformAdmin, IsSignedIn
from restai_site.lib.viewsets import ReadViewSet, ScopedView
from teams.models import Team


class TeamErasureSerializer(ModelSerializer):
    """A team that goes with everything in it: how many projects of how many are gone."""

    class Meta:
        model = TeamErasure
        fields = [
            *("id", "team_id", "name", "asked_by", "asked_at", "projects", "projects_gone"),
            *("rows_gone", "finished_at", "failure"),
        ]
        read_only_fields = fields


class TeamErasureViewSet(ReadViewSet):
    """Erasures of teams, newest first; for platform administrators."""

    queryset = TeamErasure.objects.all()
    serializer_class = TeamErasureSerializer
    permission_classes = [IsSignedIn, IsPlatformAdmin]
    pagination_class = NewestFirstCursor
    lookup_url_kwarg = "team_erasure_id"
    lookup_value_converter = "int"


class EraseTeamView(ScopedView):
    """Erase a team with its projects and everything said in them; for platform administrators."""

    queryset = Team.objects.all()
    serializer_class = TeamErasureSerializer
    permission_classes = [IsSignedIn, IsPlatformAdmin]
    http_method_names = ["post", "options"]

    @extend_schema(request=None, responses={202: TeamErasureSerializer})
    def post(self, request: Request, team_id: int) -> Response:
        """Have it erased in the background. Nobody reaches it any more from now on."""
        made = services.ask(self.parent(Team.objects.all(), team_id), actor=self.actor)
        return Response(TeamErasureSerializer(made).data, status=status.HTTP_202_ACCEPTED)
