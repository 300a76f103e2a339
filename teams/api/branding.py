"""REST API: how the platform looks to a team, and to those who come to its log-in page."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from restai_site.lib.drf import ModelSerializer
from restai_site.lib.emblem_field import EmblemField
from restai_site.lib.viewsets import READ, ScopedView
from teams import branding
from teams.models import Branding, Team


class PublicBrandingSerializer(ModelSerializer):
    """What a log-in page shows. Empty values mean: as the platform."""

    logo_url = serializers.SerializerMethodField()

    class Meta:
        model = Branding
        fields = ["app_name", "logo_url", "primary", "secondary", "welcome_message"]
        read_only_fields = fields

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_logo_url(self, row: Branding) -> str | None:
        return settings.PUBLIC_URL + row.logo_url if row.logo_url else None


class BrandingSerializer(PublicBrandingSerializer):
    """As members of the team see it; its admins change it."""

    logo = EmblemField(write=branding.logo_from)

    class Meta(PublicBrandingSerializer.Meta):
        fields = [*PublicBrandingSerializer.Meta.fields, "logo", "public_slug"]
        read_only_fields = ["public_slug"]
        # A PUT names all of them, so that none is emptied by being forgotten.
        extra_kwargs = {name: {"required": True} for name in branding.TEXT_FIELDS}

    def to_internal_value(self, data: Any) -> Any:
        """Take colours in capitals too."""
        return super().to_internal_value(_in_lower_case(data))


def _in_lower_case(data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    given = {name: data[name] for name in ("primary", "secondary") if name in data}
    return {**data, **{k: v.lower() for k, v in given.items() if isinstance(v, str)}}


class BrandingView(ScopedView, generics.GenericAPIView[Team]):
    """How the platform looks to a team. Members see it, its admins change it."""

    queryset = Team.objects.with_branding()
    serializer_class = BrandingSerializer
    http_method_names = [*READ, "put", "patch", "delete"]
    lookup_url_kwarg = "team_id"

    def get(self, request: Request, team_id: int) -> Response:
        """The branding; empty values where the team has none."""
        return self._answer(branding.branding_of(self.get_object()))

    def put(self, request: Request, team_id: int) -> Response:
        """Set all texts and colours; the logo stays unless `logo` is sent."""
        return self._save(partial=False)

    def patch(self, request: Request, team_id: int) -> Response:
        """Set some of it."""
        return self._save(partial=True)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, team_id: int) -> Response:
        """Look as the platform does; links to the team's log-in page lead nowhere then."""
        branding.reset_branding(self.get_object(), actor=self.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _save(self, *, partial: bool) -> Response:
        team = self.get_object()
        serializer = self.get_serializer(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return self._answer(
            branding.save_branding(team, serializer.validated_data, actor=self.actor)
        )

    def _answer(self, row: Branding) -> Response:
        return Response(self.get_serializer(row).data)


class BrandingLinkView(ScopedView, generics.GenericAPIView[Team]):
    """The address of a team's log-in page."""

    queryset = Team.objects.with_branding()
    serializer_class = BrandingSerializer
    http_method_names = ["post", "options"]
    lookup_url_kwarg = "team_id"

    @extend_schema(request=None, responses=BrandingSerializer)
    def post(self, request: Request, team_id: int) -> Response:
        """Give it another address; the old one shows nothing of the team any more."""
        row = branding.renew_public_slug(self.get_object(), actor=self.actor)
        return Response(self.get_serializer(row).data)


@extend_schema_view(get=extend_schema(operation_id="branding_by_slug", auth=[]))
class PublicBrandingView(generics.RetrieveAPIView[Branding]):
    """What the log-in page of a team shows, for whoever has been told its slug."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    serializer_class = PublicBrandingSerializer
    queryset = Branding.objects.defer("logo")
    lookup_field = lookup_url_kwarg = "public_slug"
