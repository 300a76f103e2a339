"""Base classes of the REST API's views: scoped rows in, services for writes."""

from typing import Any

from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import generics, mixins, viewsets
from rest_framework.permissions import SAFE_METHODS

from restai_site.lib.actor import Actor
from restai_site.lib.drf import actor_of
from restai_site.lib.errors import Forbidden

READ = ["get", "head", "options"]
READ_AND_WRITE = [*READ, "post", "patch", "delete"]


class ScopedView(generics.GenericAPIView[Any]):
    """Starts from what the actor may see; a write to a row needs one that the actor may edit."""

    http_method_names = READ_AND_WRITE

    @property
    def actor(self) -> Actor:
        """Who sent the request."""
        return actor_of(self.request)

    def get_queryset(self) -> QuerySet[Any]:
        """The rows that the actor may see."""
        rows: Any = super().get_queryset()
        # The schema is drawn without a request.
        return rows.none() if getattr(self, "swagger_fake_view", False) else self.visible(rows)

    def visible(self, rows: Any) -> QuerySet[Any]:
        """Narrow `rows` to what the actor may see."""
        return rows.visible_to(self.actor)  # type: ignore[no-any-return]

    def get_object(self) -> Any:
        """The row in the address: 404 when it is not visible, 403 when a write is not allowed."""
        row = super().get_object()
        self.check_editable(row)
        return row

    def check_editable(self, row: Model) -> None:
        """Raise Forbidden for a write to a row that the actor sees but may not edit."""
        if self.request.method in SAFE_METHODS:
            return
        rows: Any = type(row)._default_manager.all()
        if not rows.editable_by(self.actor).filter(pk=row.pk).exists():
            raise Forbidden("You may see this but not change it.")

    def parent(self, rows: Any, pk: int) -> Any:
        """The row above in the address, under the same rules."""
        row = get_object_or_404(rows.visible_to(self.actor), pk=pk)
        self.check_editable(row)
        return row


class ReadViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedView, viewsets.GenericViewSet[Any]
):
    """List and read."""

    http_method_names = READ


class ServiceViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    ScopedView,
    viewsets.GenericViewSet[Any],
):
    """List, create, read, change, delete.

    Subclasses implement `perform_create`, `perform_update` and `perform_destroy` by a service and
    put the row it returns into `serializer.instance`.
    """
