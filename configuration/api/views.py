"""REST API of platform settings; for platform administrators."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from configuration import services
from configuration.api.serializers import OutcomeSerializer, SectionSerializer, values_in
from configuration.shown import show, show_all
from restai_site.lib.configuration import section_named
from restai_site.lib.drf import actor_of
from restai_site.lib.permissions import IsPlatformAdmin, IsSignedIn

VALUES: dict[Any, Any] = {
    "application/json": {
        "type": "object",
        "additionalProperties": True,
        "description": "Names of settings and their new values. What is not named stays; null is "
        "back to the default. The mask of a secret, or nothing, keeps it; `clear_<name>: true` "
        "removes it. A change of where a secret is sent needs the secret again.",
        "example": {"host": "smtp.example.org", "from_address": "restai@example.org"},
    }
}


class SettingsView(APIView):
    """All settings, section by section."""

    permission_classes = [IsSignedIn, IsPlatformAdmin]

    @extend_schema(responses=SectionSerializer(many=True), operation_id="settings_list")
    def get(self, request: Request) -> Response:
        """Return all sections with their settings."""
        shown = show_all(actor=actor_of(request))
        return Response(SectionSerializer(shown, many=True).data)


class SectionView(APIView):
    """The settings of one section."""

    permission_classes = [IsSignedIn, IsPlatformAdmin]

    @extend_schema(responses=SectionSerializer)
    def get(self, request: Request, section: str) -> Response:
        """Return the section with its settings."""
        shown = show(section_named(section), actor=actor_of(request))
        return Response(SectionSerializer(shown).data)

    @extend_schema(request=VALUES, responses=SectionSerializer)
    def patch(self, request: Request, section: str) -> Response:
        """Change the settings that the body names; all processes see it within a second."""
        found, actor = section_named(section), actor_of(request)
        services.update_section(found, values_in(request.data, found), actor=actor)
        return Response(SectionSerializer(show(found, actor=actor)).data)


class SectionTestView(APIView):
    """Trying a section out."""

    permission_classes = [IsSignedIn, IsPlatformAdmin]

    @extend_schema(request=None, responses=OutcomeSerializer)
    def post(self, request: Request, section: str) -> Response:
        """Try the saved settings out; ten times a minute for each administrator."""
        outcome = services.test_section(section_named(section), actor=actor_of(request))
        return Response(OutcomeSerializer(outcome).data)
