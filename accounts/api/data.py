"""REST API of the files of what the platform has about oneself."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from accounts.actors import user_behind
from accounts.models import DataExport
from accounts.personal import files, services
from restai_site.lib.drf import ModelSerializer
from restai_site.lib.viewsets import READ, ReadViewSet


class DataExportSerializer(ModelSerializer):
    """A file with everything about oneself. `done` of `total` kinds of data are in it so far."""

    class Meta:
        model = DataExport
        fields = ["id", "created_at", "finished_at", "done", "total", "size", "failure"]
        read_only_fields = fields


class DataExportViewSet(mixins.CreateModelMixin, ReadViewSet):
    """Files of one's own data, newest first; a POST has one made. Not for keys."""

    queryset = DataExport.objects.defer("content").order_by("-pk")
    serializer_class = DataExportSerializer
    http_method_names = [*READ, "post"]
    lookup_url_kwarg = "data_export_id"
    lookup_value_converter = "int"

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Have a file made in the background; one that is being made is returned."""
        serializer.instance = services.ask(user_behind(self.actor), actor=self.actor)

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True)
    def file(self, request: Request, data_export_id: int) -> HttpResponse:
        """Return the file."""
        export = self.get_object()
        return files.answer(services.fetch(export, actor=self.actor), f"{export.pk}.zip")
