"""The REST API of a person's own conversations."""

from typing import Any, cast

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import mixins, viewsets
from rest_framework.serializers import BaseSerializer

from inference.api.serializers import ConversationDetailSerializer, ConversationSerializer
from inference.models import Conversation
from inference.services import delete_conversation, update_conversation
from projects.models import Project
from restai_site.lib.actor import Actor


class ConversationFilter(filters.FilterSet):  # type: ignore[misc]
    """By project, pin, and words in the title."""

    project = filters.ModelChoiceFilter(
        queryset=lambda request: (
            Project.objects.visible_to(request.auth) if request else Project.objects.none()
        )
    )
    search = filters.CharFilter(field_name="title", lookup_expr="icontains", max_length=100)

    class Meta:
        model = Conversation
        fields = ["project", "pinned", "search"]


class ConversationViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Conversation],
):
    """Read, rename, pin and delete one's own conversations; nobody sees anybody else's."""

    queryset = Conversation.objects.none()
    filterset_class = ConversationFilter
    http_method_names = ["get", "head", "options", "patch", "delete"]
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Conversation]:
        if not isinstance(self.request.auth, Actor):
            return Conversation.objects.none()
        found = Conversation.objects.visible_to(self.request.auth).order_by("-updated_at", "id")
        return found.prefetch_related("messages") if self.action == "retrieve" else found

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return ConversationDetailSerializer if self.action == "retrieve" else ConversationSerializer

    def perform_update(self, serializer: BaseSerializer[Conversation]) -> None:
        serializer.instance = update_conversation(
            cast("Conversation", serializer.instance),
            serializer.validated_data,
            actor=cast("Actor", self.request.auth),
        )

    def perform_destroy(self, instance: Conversation) -> None:
        delete_conversation(instance, actor=cast("Actor", self.request.auth))
