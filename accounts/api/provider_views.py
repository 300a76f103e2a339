"""REST API of identity providers and of one's accounts there."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.provider_serializers import (
    IdentityProbeSerializer,
    IdentityProviderSerializer,
    LinkedAccountSerializer,
)
from accounts.models import IdentityProvider, LinkedAccount
from accounts.services import linked_accounts
from accounts.services import providers as services
from accounts.sso import probe
from restai_site.lib.permissions import IsPlatformAdmin, IsSignedIn
from restai_site.lib.viewsets import READ, ScopedView, ServiceViewSet


class IdentityProviderViewSet(ServiceViewSet):
    """Sign-in providers; for platform administrators. Changed by people who are signed in."""

    queryset = IdentityProvider.objects.all()
    serializer_class = IdentityProviderSerializer
    permission_classes = [IsSignedIn, IsPlatformAdmin]
    filterset_fields = ["slug", "enabled"]
    lookup_url_kwarg = "identity_provider_id"
    lookup_value_converter = "int"

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = services.create_provider(serializer.validated_data, actor=self.actor)

    def perform_update(self, serializer: Any) -> None:
        serializer.instance = services.update_provider(
            serializer.instance, serializer.validated_data, actor=self.actor
        )

    def perform_destroy(self, instance: Any) -> None:
        services.delete_provider(instance, actor=self.actor)

    @extend_schema(request=None, responses=IdentityProbeSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, identity_provider_id: int) -> Response:
        """Ask the provider whether it can be used with what is stored."""
        result = probe.test_provider(self.get_object(), actor=self.actor)
        return Response(IdentityProbeSerializer(result).data)


class LinkedAccountViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    ScopedView,
    viewsets.GenericViewSet[LinkedAccount],
):
    """The caller's own accounts at sign-in providers. Deleting one unlinks it."""

    queryset = (
        LinkedAccount.objects.select_related("provider")
        .defer("provider__client_secret")
        .order_by("id")
    )
    serializer_class = LinkedAccountSerializer
    filterset_fields: list[str] = []
    http_method_names = [*READ, "delete"]
    lookup_url_kwarg = "linked_account_id"
    lookup_value_converter = "int"

    def visible(self, rows: Any) -> QuerySet[Any]:
        """One's own, also for platform administrators."""
        return super().visible(rows).filter(user_id=self.actor.own_id)

    def perform_destroy(self, instance: LinkedAccount) -> None:
        linked_accounts.unlink_account(instance, actor=self.actor)
