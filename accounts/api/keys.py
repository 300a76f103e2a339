"""REST API of API keys."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.actors import user_behind
from accounts.api.key_serializers import (
    ApiKeyChangeSerializer,
    ApiKeySerializer,
    NewApiKeySerializer,
    RotationSerializer,
)
from accounts.models import ApiKey
from accounts.services import (
    create_api_key,
    limit_api_key,
    rename_api_key,
    revoke_api_key,
    rotate_api_key,
)
from restai_site.lib.errors import Forbidden
from restai_site.lib.viewsets import READ_AND_WRITE, ScopedView


@extend_schema_view(
    create=extend_schema(request=ApiKeySerializer, responses={201: NewApiKeySerializer}),
)
class ApiKeyViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    ScopedView,
    viewsets.GenericViewSet[ApiKey],
):
    """The caller's own API keys. Deleting one revokes it: it stops at the next request.

    Keys are made, renamed, rotated and revoked by people who are signed in, not by keys. The answer
    to making or rotating one holds its plaintext, which is not shown again.
    """

    queryset = ApiKey.objects.order_by("-id")
    filterset_fields: list[str] = []
    http_method_names = READ_AND_WRITE
    lookup_url_kwarg = "key_id"
    lookup_value_converter = "int"

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return ApiKeyChangeSerializer if self.action == "partial_update" else ApiKeySerializer

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
        owner = user_behind(self.actor)
        key, plaintext = create_api_key(owner, **serializer.validated_data, actor=self.actor)
        return self._shown_once(key, plaintext, status.HTTP_201_CREATED)

    def perform_update(self, serializer: Any) -> None:
        key, values = serializer.instance, serializer.validated_data
        with transaction.atomic():
            if "requests_per_minute" in values:
                limit = values["requests_per_minute"]
                limit_api_key(key, requests_per_minute=limit, actor=self.actor)
            serializer.instance = rename_api_key(
                key, name=values.get("name", key.name), actor=self.actor
            )

    @extend_schema(request=RotationSerializer, responses={200: NewApiKeySerializer})
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, key_id: int) -> Response:
        """Give the key a new secret; answers it, this once. The id stays."""
        key = self.get_object()
        serializer = RotationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        overlap = timedelta(minutes=serializer.validated_data["overlap_minutes"])
        key, plaintext = rotate_api_key(key, overlap=overlap, actor=self.actor)
        return self._shown_once(key, plaintext, status.HTTP_200_OK)

    def _shown_once(self, key: ApiKey, plaintext: str, code: int) -> Response:
        key.plaintext = plaintext  # type: ignore[attr-defined]
        answer = NewApiKeySerializer(key, context=self.get_serializer_context())
        return Response(answer.data, status=code, headers={"Cache-Control": "no-store"})

    def perform_destroy(self, instance: ApiKey) -> None:
        revoke_api_key(instance, actor=self.actor)
