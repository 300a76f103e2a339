"""REST API of invitations to teams, for those who send them."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from restai_site.lib.errors import Forbidden
from restai_site.lib.viewsets import ScopedView
from teams import services
from teams.api.filters import InvitationFilter
from teams.api.serializers import InvitationSerializer, NewInvitationSerializer
from teams.models import Invitation, Team


class AbstractInvitationViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    ScopedView,
    viewsets.GenericViewSet[Any],
):
    """List, send, look at, send again and withdraw invitations.

    `initial` of subclasses refuses whoever may not invite, before a body is read.
    """

    http_method_names = ["get", "head", "options", "post", "delete"]
    filterset_class = InvitationFilter
    new_serializer_class: Any

    def check_editable(self, row: Any) -> None:
        """`initial` has asked already; the services ask again."""

    def checked(self, request: Request) -> dict[str, Any]:
        """Return whom to invite."""
        context = self.get_serializer_context()
        serializer = self.new_serializer_class(data=request.data, context=context)
        serializer.is_valid(raise_exception=True)
        values: dict[str, Any] = serializer.validated_data
        return values

    def answer(self, row: Any, status_code: int = status.HTTP_200_OK) -> Response:
        """Return the invitation as it is now."""
        return Response(self.get_serializer(row).data, status=status_code)


@extend_schema_view(
    create=extend_schema(request=NewInvitationSerializer, responses={201: InvitationSerializer})
)
class InvitationViewSet(AbstractInvitationViewSet):
    """Invitations to a team, newest first; for its admins. Deleting one withdraws it."""

    queryset = Invitation.objects.select_related("invited_by").order_by("-id")
    serializer_class = InvitationSerializer
    new_serializer_class = NewInvitationSerializer
    lookup_url_kwarg = "invitation_id"

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(team_id=self.kwargs.get("team_id"))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer 404 for a team that is not visible, and 403 for one that is not run."""
        super().initial(request, *args, **kwargs)
        teams = Team.objects.visible_to(self.actor)
        self.team: Team = get_object_or_404(teams, pk=kwargs["team_id"])
        if not Team.objects.editable_by(self.actor).filter(pk=self.team.pk).exists():
            raise Forbidden("Only admins of the team may see and send invitations.")

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Invite somebody; they get a mail."""
        values = self.checked(request)
        made = services.invite_to_team(self.team, **values, actor=self.actor)
        return self.answer(made, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=InvitationSerializer)
    @action(detail=True, methods=["post"])
    def resend(self, request: Request, team_id: int, invitation_id: int) -> Response:
        """Mail a new link, which voids the older one; the time begins anew."""
        return self.answer(services.resend_team_invitation(self.get_object(), actor=self.actor))

    def perform_destroy(self, instance: Any) -> None:
        services.revoke_team_invitation(instance, actor=self.actor)
