"""The REST API of the security posture."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from restai_site.lib.permissions import IsPlatformAdmin, IsSignedIn
from restai_site.lib.posture import Area, Report, State, run

STATES = [state.value for state in State]


class ExampleSerializer(serializers.Serializer[Any]):
    """One of the things found; `url` is its page."""

    name = serializers.CharField()
    url = serializers.CharField(allow_blank=True)


class RemedySerializer(serializers.Serializer[Any]):
    """What mends it: one of `url`, `variable` and `command` is not empty."""

    label = serializers.CharField()  # type: ignore[assignment]  # the base class has one too
    url = serializers.CharField(allow_blank=True)
    variable = serializers.CharField(allow_blank=True)
    command = serializers.CharField(allow_blank=True)


class ResultSerializer(serializers.Serializer[Any]):
    """One check and what it found."""

    slug = serializers.CharField(source="check.slug")
    title = serializers.CharField(source="check.title")
    area = serializers.ChoiceField([area.value for area in Area], source="check.area")
    state = serializers.ChoiceField(STATES)
    reason = serializers.CharField(source="finding.reason")
    total = serializers.IntegerField(
        source="finding.found.total", help_text="How many things were found; 0 where none is one."
    )
    examples = ExampleSerializer(source="finding.found.examples", many=True)
    remedy = RemedySerializer(source="finding.remedy", allow_null=True)


class PostureSerializer(serializers.Serializer[Report]):
    """The whole report."""

    state = serializers.ChoiceField(STATES, help_text="The worst of all.")
    sentence = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="By state.")
    checks = ResultSerializer(source="ordered", many=True)


class PostureView(APIView):
    """The security posture of the installation; for platform administrators."""

    permission_classes = [IsSignedIn, IsPlatformAdmin]

    @extend_schema(operation_id="posture_retrieve", responses={200: PostureSerializer})
    def get(self, request: Request) -> Response:
        """Make all checks and return what they found, the worst first."""
        return Response(PostureSerializer(run()).data)
