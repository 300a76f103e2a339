"""REST API of users."""

from typing import Any

from rest_framework import generics, mixins, viewsets
from rest_framework.serializers import BaseSerializer

from accounts.api.filters import UserFilter
from accounts.api.serializers import MeSerializer, NewUserSerializer, UserSerializer
from accounts.models import User
from accounts.services import create_user, update_user
from restai_site.lib.permissions import IsPlatformAdmin, IsSignedIn
from restai_site.lib.viewsets import READ, ScopedView


class MeView(ScopedView, generics.RetrieveUpdateAPIView[User]):
    """The caller: read, or change the own name and theme (signed in; not by an API key)."""

    queryset = User.objects.all()
    serializer_class = MeSerializer
    http_method_names = [*READ, "patch"]

    def get_object(self) -> User:
        user: User = User.objects.get(pk=self.actor.user_id)
        return user

    def perform_update(self, serializer: Any) -> None:
        serializer.instance = update_user(
            serializer.instance, serializer.validated_data, actor=self.actor
        )


class UserViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    ScopedView,
    viewsets.GenericViewSet[User],
):
    """All users; for platform administrators. Users are deactivated, not deleted."""

    queryset = User.objects.order_by("id")
    permission_classes = [IsSignedIn, IsPlatformAdmin]
    filterset_class = UserFilter
    http_method_names = [*READ, "post", "patch"]
    lookup_url_kwarg = "user_id"
    lookup_value_converter = "int"

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return NewUserSerializer if self.action == "create" else UserSerializer

    def perform_create(self, serializer: BaseSerializer[User]) -> None:
        serializer.instance = create_user(**serializer.validated_data, actor=self.actor)

    def perform_update(self, serializer: Any) -> None:
        serializer.instance = update_user(
            serializer.instance, serializer.validated_data, actor=self.actor
        )
