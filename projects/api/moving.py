"""REST API: moving a project to another team."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from projects import services
from projects.models import Project
from restai_site.lib.drf import VisibleField
from restai_site.lib.errors import Conflict, Forbidden
from restai_site.lib.viewsets import ScopedView
from teams.api.serializers import PersonSerializer
from teams.models import Team


class MoveSerializer(serializers.Serializer[Any]):
    """Where a project is to go."""

    team = VisibleField(queryset=Team.objects.all())
    dry_run = serializers.BooleanField(
        default=False, help_text="True: only say what the move would end."
    )
    confirm = serializers.BooleanField(
        default=False, help_text="True: move it though that ends something elsewhere."
    )


class LossesSerializer(serializers.Serializer[Any]):
    """What a move ends, or would end."""

    team = serializers.IntegerField(source="team.pk", help_text="Where the project is then.")
    members = PersonSerializer(many=True, help_text="Assigned, and not in the new team.")
    keys = serializers.IntegerField(help_text="API keys that reach nothing else: revoked.")
    invitations = serializers.IntegerField(help_text="Pending ones: withdrawn.")
    closes_to_team = serializers.BooleanField(
        help_text="Whether it was open to its whole team; after the move it is not."
    )
    elsewhere = serializers.ListField(
        child=serializers.CharField(),
        help_text="What ends for other projects, in sentences; then “confirm” is needed.",
    )


class MoveView(ScopedView):
    """Move a project to another team; for who runs both."""

    http_method_names = ["post", "options"]
    queryset = Project.objects.all()
    serializer_class = MoveSerializer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer 404 for a project that is not visible, and 403 for one that is not managed."""
        super().initial(request, *args, **kwargs)
        projects = Project.objects.visible_to(self.actor).select_related("llm", "team")
        self.project: Project = get_object_or_404(projects, pk=kwargs["project_id"])
        if not Project.objects.managed_by(self.actor).filter(pk=self.project.pk).exists():
            raise Forbidden("Only admins of the team may move a project.")

    @extend_schema(request=MoveSerializer, responses=LossesSerializer)
    def post(self, request: Request, project_id: int) -> Response:
        """Move it, or with `dry_run` say what that would end."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        losses = services.losses_of_move(self.project, asked["team"], actor=self.actor)
        if not asked["dry_run"]:
            self._require_confirmed(losses.elsewhere, is_confirmed=asked["confirm"])
            losses = services.move_project(self.project, asked["team"], actor=self.actor)[1]
        return Response(LossesSerializer(losses).data)

    def _require_confirmed(self, ends: list[str], *, is_confirmed: bool) -> None:
        if ends and not is_confirmed:
            message = f"{' '.join(ends)} To move it all the same, send “confirm”: true."
            raise Conflict(message, code="confirmation_needed")
