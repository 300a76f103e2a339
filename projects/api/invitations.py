"""REST API of invitations: to projects for those who send them, of both kinds for the invited."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from projects import services
from projects.api.serializers import (
    NewProjectInvitationSerializer,
    ProjectInvitationSerializer,
)
from projects.invitations import waiting_for
from projects.models import Project, ProjectInvitation
from restai_site.lib.errors import Forbidden
from restai_site.lib.viewsets import ScopedView
from teams.api.invitations import AbstractInvitationViewSet
from teams.models import Invitation


@extend_schema_view(
    create=extend_schema(
        request=NewProjectInvitationSerializer, responses={201: ProjectInvitationSerializer}
    )
)
class ProjectInvitationViewSet(AbstractInvitationViewSet):
    """Invitations to a project, newest first; for admins of its team. Deleting one withdraws it."""

    queryset = ProjectInvitation.objects.select_related("invited_by", "project").order_by("-id")
    serializer_class = ProjectInvitationSerializer
    new_serializer_class = NewProjectInvitationSerializer
    lookup_url_kwarg = "project_invitation_id"

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(project_id=self.kwargs.get("project_id"))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer 404 for a project that is not visible, and 403 for one that is not managed."""
        super().initial(request, *args, **kwargs)
        projects = Project.objects.visible_to(self.actor)
        self.project: Project = get_object_or_404(projects, pk=kwargs["project_id"])
        if not Project.objects.managed_by(self.actor).filter(pk=self.project.pk).exists():
            raise Forbidden("Only admins of the team may see and send invitations.")

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Invite somebody; they get a mail."""
        values = self.checked(request)
        made = services.invite_to_project(self.project, **values, actor=self.actor)
        return self.answer(made, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=ProjectInvitationSerializer)
    @action(detail=True, methods=["post"])
    def resend(self, request: Request, project_id: int, project_invitation_id: int) -> Response:
        """Mail a new link, which voids the older one; the time begins anew."""
        row = services.resend_project_invitation(self.get_object(), actor=self.actor)
        return self.answer(row)

    def perform_destroy(self, instance: Any) -> None:
        services.revoke_project_invitation(instance, actor=self.actor)


class PlaceSerializer(serializers.Serializer[Any]):
    """A team or a project by its id and name."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class InviterSerializer(serializers.Serializer[Any]):
    """Who has sent an invitation."""

    name = serializers.CharField(source="inviter_name")
    email = serializers.EmailField(source="inviter_email")


class WaitingInvitationSerializer(serializers.Serializer[Any]):
    """An invitation that waits for the caller's answer; `project` is null for one to a team."""

    kind = serializers.ChoiceField(choices=["team", "project"])
    id = serializers.IntegerField(source="pk")
    role = serializers.CharField()
    team = serializers.SerializerMethodField()
    project = serializers.SerializerMethodField()
    invited_by = InviterSerializer(source="*")
    created_at = serializers.DateTimeField(source="sent_at")
    expires_at = serializers.DateTimeField(source="until")

    @extend_schema_field(PlaceSerializer)
    def get_team(self, row: dict[str, Any]) -> dict[str, Any]:
        """The team that the invitation leads to."""
        return {"id": row["place_team_id"], "name": row["place_team"]}

    @extend_schema_field(PlaceSerializer(allow_null=True))
    def get_project(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """The project, where it leads to one."""
        if row["place_project_id"] is None:
            return None
        return {"id": row["place_project_id"], "name": row["place_project"]}


class WaitingInvitationsView(mixins.ListModelMixin, ScopedView):
    """The invitations that wait for the caller, newest first. Narrowed keys see none."""

    http_method_names = ["get", "head", "options"]
    serializer_class = WaitingInvitationSerializer
    filter_backends: list[Any] = []
    queryset = Invitation.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        # The schema is drawn without a request.
        fake = getattr(self, "swagger_fake_view", False)
        return Invitation.objects.none() if fake else waiting_for(self.actor)

    def get(self, request: Request) -> Response:
        """List them."""
        return self.list(request)


class AbstractAnswerViewSet(ScopedView, viewsets.GenericViewSet[Any]):
    """Accept or decline an invitation to oneself; for people who are signed in as themselves."""

    http_method_names = ["post", "options"]
    serializer_class = serializers.Serializer
    filter_backends: list[Any] = []

    def visible(self, rows: Any) -> QuerySet[Any]:
        return rows.addressed_to(self.actor)  # type: ignore[no-any-return]

    def check_editable(self, row: Any) -> None:
        """Whoever is invited may answer; the services ask again."""

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, **_: Any) -> Response:
        """Enter."""
        services.accept_invitation(self.get_object(), actor=self.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, **_: Any) -> Response:
        """Refuse."""
        services.decline_invitation(self.get_object(), actor=self.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TeamAnswerViewSet(AbstractAnswerViewSet):
    """Accept or decline an invitation to a team."""

    queryset = Invitation.objects.all()
    lookup_url_kwarg = "invitation_id"


class ProjectAnswerViewSet(AbstractAnswerViewSet):
    """Accept or decline an invitation to a project."""

    queryset = ProjectInvitation.objects.all()
    lookup_url_kwarg = "project_invitation_id"
