"""REST API of the caller and their keys."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, mixins, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.serializers import (
    ApiKeySerializer,
    MeSerializer,
    NewApiKeySerializer,
)
from accounts.models import ApiKey, User
from accounts.services import create_api_key, revoke_api_key, update_user
from restai_site.lib.errors import Forbidden
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


@extend_schema_view(
    create=extend_schema(request=ApiKeySerializer, responses={201: NewApiKeySerializer}),
)
class ApiKeyViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    ScopedView,
    viewsets.GenericViewSet[ApiKey],
):
    """The caller's own API keys. Deleting one revokes it: it stops at the next request.

    Keys are made and revoked by people who are signed in, not by keys. The answer to making one
    holds its plaintext, which is not shown again.
    """

    queryset = ApiKey.objects.order_by("-id")
    serializer_class = ApiKeySerializer
    filterset_fields: list[str] = []
    http_method_names = [*READ, "post", "delete"]
    lookup_url_kwarg = "key_id"
    lookup_value_converter = "int"

    def visible(self, rows: Any) -> QuerySet[Any]:
        """One's own; a platform administrator also reaches another's, by its id."""
        found = super().visible(rows)
        return found.filter(user_id=self.actor.user_id) if self.action == "list" else found

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a key; answers its plaintext, this once."""
        if not self.actor.is_own_session:
            raise Forbidden("API keys are made by their owner, signed in.")
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        owner = User.objects.get(pk=self.actor.user_id)
        key, plaintext = create_api_key(owner, **serializer.validated_data, actor=self.actor)
        key.plaintext = plaintext  # type: ignore[attr-defined]
        answer = NewApiKeySerializer(key, context=self.get_serializer_context())
        headers = {"Cache-Control": "no-store"}
        return Response(answer.data, status=status.HTTP_201_CREATED, headers=headers)

    def perform_destroy(self, instance: ApiKey) -> None:
        revoke_api_key(instance, actor=self.actor)
