"""REST API of users, for platform administrators."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts import services
from accounts.api.filters import UserFilter
from accounts.api.serializers import InvitationSerializer, UserSerializer
from accounts.models import User
from accounts.sessions import lifecycle
from restai_site.lib.permissions import IsPlatformAdmin, IsSignedIn
from restai_site.lib.rate_limit import count_use
from restai_site.lib.viewsets import READ_AND_WRITE, ScopedView

INVITATIONS_RATE = "60/h"


@extend_schema_view(
    create=extend_schema(request=InvitationSerializer, responses={201: UserSerializer}),
)
class UserViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    ScopedView,
    viewsets.GenericViewSet[User],
):
    """All users; for platform administrators. An API key of theirs reads and writes nothing here.

    Posting invites: the person is mailed a link by which they choose their own password.
    """

    queryset = User.objects.order_by("id")
    permission_classes = [IsSignedIn, IsPlatformAdmin]
    filterset_class = UserFilter
    http_method_names = READ_AND_WRITE
    lookup_url_kwarg = "user_id"
    lookup_value_converter = "int"

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return InvitationSerializer if self.action == "create" else UserSerializer

    def perform_create(self, serializer: BaseSerializer[User]) -> None:
        services.require_administrator(self.actor)
        self._count_invitation()
        serializer.instance = services.invite_user(**serializer.validated_data, actor=self.actor)

    def perform_update(self, serializer: Any) -> None:
        serializer.instance = services.update_user(
            serializer.instance, serializer.validated_data, actor=self.actor
        )

    def perform_destroy(self, instance: User) -> None:
        services.delete_user(instance, actor=self.actor)

    @extend_schema(request=None, responses=UserSerializer)
    @action(detail=True, methods=["post"])
    def suspend(self, request: Request, user_id: int) -> Response:
        """Stop the user at once: sessions end, API keys stop at their next request."""
        return self._answer(services.suspend_user(self.get_object(), actor=self.actor))

    @extend_schema(request=None, responses=UserSerializer)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, user_id: int) -> Response:
        """Let a suspended user in again."""
        return self._answer(services.activate_user(self.get_object(), actor=self.actor))

    @extend_schema(request=None, responses=UserSerializer)
    @action(detail=True, methods=["post"])
    def invitation(self, request: Request, user_id: int) -> Response:
        """Mail a new invitation, which voids the older one."""
        services.require_administrator(self.actor)
        user = self.get_object()
        self._count_invitation()
        return self._answer(services.renew_invitation(user, actor=self.actor))

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["delete"])
    def sessions(self, request: Request, user_id: int) -> Response:
        """End all sessions of the user."""
        lifecycle.end_every(self.get_object(), actor=self.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _answer(self, user: User) -> Response:
        serializer = UserSerializer(user, context=self.get_serializer_context())
        return Response(serializer.data)

    def _count_invitation(self) -> None:
        count_use("invitation", f"user:{self.actor.own_id}", rate=INVITATIONS_RATE)
