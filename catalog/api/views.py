"""REST API of provider accounts and models."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import connection, services
from catalog.api.filters import CatalogFilter, ProviderFilter
from catalog.api.serializers import (
    AudioGeneratorSerializer,
    EmbeddingModelSerializer,
    ImageGeneratorSerializer,
    LLMSerializer,
    ProbeSerializer,
    ProviderSerializer,
)
from catalog.models import (
    LLM,
    AudioGenerator,
    CatalogModel,
    EmbeddingModel,
    ImageGenerator,
    ProviderAccount,
)
from restai_site.lib.permissions import IsPlatformAdmin, IsSignedIn
from restai_site.lib.viewsets import ServiceViewSet


class ProviderViewSet(ServiceViewSet):
    """Provider accounts; for platform administrators."""

    queryset = ProviderAccount.objects.all()
    serializer_class = ProviderSerializer
    permission_classes = [IsSignedIn, IsPlatformAdmin]
    filterset_class = ProviderFilter
    lookup_url_kwarg = "provider_id"
    lookup_value_converter = "int"

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = services.create_provider(serializer.validated_data, actor=self.actor)

    def perform_update(self, serializer: Any) -> None:
        serializer.instance = services.update_provider(
            serializer.instance, serializer.validated_data, actor=self.actor
        )

    def perform_destroy(self, instance: Any) -> None:
        services.delete(instance, actor=self.actor)

    @extend_schema(request=None, responses=ProbeSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, provider_id: int) -> Response:
        """Ask the provider whether it answers with the stored key."""
        return Response(
            ProbeSerializer(connection.test_provider(self.get_object(), actor=self.actor)).data
        )


class CatalogViewSet(ServiceViewSet):
    """Models of one kind: members see what is granted, platform administrators change all."""

    filterset_class = CatalogFilter
    lookup_value_converter = "int"
    model: type[CatalogModel]

    def get_permissions(self) -> list[BasePermission]:
        if self.request.method in SAFE_METHODS:
            return [IsSignedIn()]
        return [IsSignedIn(), IsPlatformAdmin()]

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = services.create_model(
            self.model, serializer.validated_data, actor=self.actor
        )

    def perform_update(self, serializer: Any) -> None:
        serializer.instance = services.update_model(
            serializer.instance, serializer.validated_data, actor=self.actor
        )

    def perform_destroy(self, instance: Any) -> None:
        services.delete(instance, actor=self.actor)


class TestableViewSet(CatalogViewSet):
    """Models that one tiny call can try."""

    @extend_schema(request=None, responses=ProbeSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, **kwargs: Any) -> Response:
        """Ask the provider whether the model answers. Costs one tiny call at most."""
        return Response(
            ProbeSerializer(connection.test_model(self.get_object(), actor=self.actor)).data
        )


class LLMViewSet(TestableViewSet):
    """Language models."""

    model = LLM
    queryset = LLM.objects.all()
    serializer_class = LLMSerializer
    lookup_url_kwarg = "llm_id"


class EmbeddingModelViewSet(TestableViewSet):
    """Embedding models."""

    model = EmbeddingModel
    queryset = EmbeddingModel.objects.all()
    serializer_class = EmbeddingModelSerializer
    lookup_url_kwarg = "embedding_model_id"


class ImageGeneratorViewSet(CatalogViewSet):
    """Image generators."""

    model = ImageGenerator
    queryset = ImageGenerator.objects.all()
    serializer_class = ImageGeneratorSerializer
    lookup_url_kwarg = "image_generator_id"


class AudioGeneratorViewSet(CatalogViewSet):
    """Audio generators."""

    model = AudioGenerator
    queryset = AudioGenerator.objects.all()
    serializer_class = AudioGeneratorSerializer
    lookup_url_kwarg = "audio_generator_id"
