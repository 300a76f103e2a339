"""The root of the API, its schema and its documentation page."""

from functools import cache
from typing import Any

from django.http import HttpRequest
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from restai_site.lib.errors import NotFound
from restai_site.middleware import STYLE_ATTRIBUTES_POLICY

LINKS = {
    "me": "me",
    "users": "user-list",
    "keys": "key-list",
    "settings": "settings-list",
    "providers": "provider-list",
    "llms": "llm-list",
    "embedding_models": "embedding-model-list",
    "image_generators": "image-generator-list",
    "audio_generators": "audio-generator-list",
    "teams": "team-list",
    "projects": "project-list",
    "conversations": "conversation-list",
    "usage": "usage-list",
    "permissions": "projects:permissions_matrix",
    "audit": "audit-list",
    "posture": "posture",
    "schema": "schema",
    "docs": "docs",
}


class RootView(APIView):
    """Where the parts of the API are."""

    @extend_schema(responses={200: {"type": "object", "additionalProperties": {"type": "string"}}})
    def get(self, request: Request) -> Response:
        """Return the addresses."""
        return Response({word: reverse(name, request=request) for word, name in LINKS.items()})


class DrawnOnce(SchemaGenerator):  # type: ignore[misc]
    """Draws the schema, which is the same for everybody, once in each process."""

    def get_schema(self, request: object = None, public: bool = False) -> dict[str, Any]:
        """Return the schema; whoever renders it changes nothing of it."""
        return _schema()


@cache
def _schema() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(public=True)
    return found


class SchemaView(SpectacularAPIView):  # type: ignore[misc]
    """The OpenAPI schema."""

    generator_class = DrawnOnce


class DocumentationView(SpectacularSwaggerSplitView):  # type: ignore[misc]
    """Swagger UI, from files of this server; its script sets style attributes."""

    url_name = "schema"
    http_method_names = ["get", "head"]

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        """Allow style attributes on this page alone."""
        response: Response = super().finalize_response(*args, **kwargs)
        response.headers["Content-Security-Policy"] = STYLE_ATTRIBUTES_POLICY
        response.headers.pop("Cross-Origin-Opener-Policy", None)
        return response


@csrf_exempt
def no_such_address(request: HttpRequest, **_: Any) -> Any:
    """Answer problem details for what no route of the API matches."""
    raise NotFound("There is no such address in this API.")
