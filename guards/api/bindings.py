"""REST API of guards at their places, and of guards that the platform offers."""

from typing import Any

from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from guards import services
from guards.detectors import detectors
from guards.models import GuardBinding, GuardSettings, PlatformGuard
from guards.models.bindings import CENSORSHIP_MESSAGE, MESSAGE_MAX_LENGTH
from guards.services.bindings import Place
from projects.models import Project
from restai_site.lib.drf import ModelSerializer, VisibleField
from restai_site.lib.errors import Forbidden
from restai_site.lib.permissions import IsPlatformAdmin, IsSignedIn
from restai_site.lib.viewsets import READ, ScopedView, ServiceViewSet
from teams.models import Team

FIELDS: tuple[str, ...] = (
    *("id", "guard", "detector", "configuration", "name", "stage", "mode", "order", "timeout_ms"),
    *("on_failure", "is_speculative", "threshold", "has_lost_its_guard", "created_at"),
    "updated_at",
)


class GuardField(VisibleField):
    """Names a project that may judge: one that the actor sees, or that is offered to all."""

    def get_queryset(self) -> Any:
        visible = super().get_queryset().values("pk")
        return Project.objects.filter(Q(pk__in=visible) | Q(platform_guard__isnull=False))


class BindingSerializer(ModelSerializer):
    """A guard of a project: `guard` (a project's id) or `detector` judges, and stays."""

    guard = GuardField(queryset=Project.objects.all(), required=False, allow_null=True)
    detector = serializers.CharField(max_length=40, required=False, allow_blank=True)
    configuration = serializers.DictField(required=False)
    name = serializers.CharField(max_length=100, required=False, allow_blank=True)

    class Meta:
        model = GuardBinding
        fields: tuple[str, ...] = FIELDS
        read_only_fields = ("has_lost_its_guard", "created_at", "updated_at")


class MandatorySerializer(BindingSerializer):
    """A guard that stands before all of a team's calls, or (team null) before everybody's."""

    team = VisibleField(queryset=Team.objects.all(), required=False, allow_null=True)

    class Meta(BindingSerializer.Meta):
        fields = ("team", *FIELDS)


class OfferSerializer(ModelSerializer):
    """A project that every team may use as a guard."""

    project = VisibleField(queryset=Project.objects.all())

    class Meta:
        model = PlatformGuard
        fields = ("id", "project", "created_at")
        read_only_fields = ("created_at",)

    def get_validators(self) -> list[Any]:
        """Return none: offering again is the same."""
        return []


class GuardSettingsSerializer(serializers.Serializer[Any]):
    """What stands in place of what a guard has blocked; empty: the platform's words."""

    censorship_message = serializers.CharField(
        max_length=MESSAGE_MAX_LENGTH, allow_blank=True, required=False
    )


class DetectorSerializer(serializers.Serializer[Any]):
    """A built-in detector."""

    slug = serializers.CharField()
    title = serializers.CharField()
    explanation = serializers.CharField()
    finds_spans = serializers.BooleanField(help_text="Whether what it finds can be masked.")
    categories = serializers.DictField(child=serializers.CharField())
    settings = serializers.DictField(help_text="By name, what each setting is by default.")


class _Bindings(ServiceViewSet):
    filterset_fields = ["stage", "mode", "on_failure"]
    lookup_url_kwarg = "binding_id"
    lookup_value_converter = "int"

    def place_of(self, values: dict[str, Any]) -> Place:
        """Return where a new guard is to stand, and take that out of `values`."""
        raise NotImplementedError

    def perform_create(self, serializer: Any) -> None:
        values = dict(serializer.validated_data)
        place = self.place_of(values)
        serializer.instance = services.add_binding(place, values, actor=self.actor)

    def perform_update(self, serializer: Any) -> None:
        values = dict(serializer.validated_data)
        for name in ("guard", "detector", "team"):
            values.pop(name, None)
        serializer.instance = services.update_binding(serializer.instance, values, actor=self.actor)

    def perform_destroy(self, instance: Any) -> None:
        services.remove_binding(instance, actor=self.actor)


class ProjectGuardViewSet(_Bindings):
    """The guards of a project, for its editors; mandatory ones have a list of their own."""

    queryset = GuardBinding.objects.order_by("order", "id")
    serializer_class = BindingSerializer
    project: Project

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(project_id=self.kwargs.get("project_id"))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer 404 for a project that is not visible and 403 for one that is not editable."""
        super().initial(request, *args, **kwargs)
        visible = Project.objects.visible_to(self.actor)
        self.project = get_object_or_404(visible, pk=kwargs["project_id"])
        if not Project.objects.editable_by(self.actor).filter(pk=self.project.pk).exists():
            raise Forbidden("Only editors of the project may see its guards.")

    def place_of(self, values: dict[str, Any]) -> Place:
        return self.project


class MandatoryGuardViewSet(_Bindings):
    """Mandatory guards, for platform administrators."""

    queryset = GuardBinding.objects.filter(project__isnull=True).order_by("order", "id")
    serializer_class = MandatorySerializer
    permission_classes = [IsSignedIn, IsPlatformAdmin]

    def place_of(self, values: dict[str, Any]) -> Place:
        team: Team | None = values.pop("team", None)
        return team


@extend_schema_view(partial_update=extend_schema(exclude=True))
class OfferViewSet(ServiceViewSet):
    """Projects that every team may use as guards; platform administrators offer and withdraw."""

    http_method_names = [*READ, "post", "delete"]
    queryset = PlatformGuard.objects.order_by("id")
    serializer_class = OfferSerializer
    permission_classes = [IsSignedIn, IsPlatformAdmin]
    filterset_fields: list[str] = []
    lookup_url_kwarg = "offer_id"
    lookup_value_converter = "int"

    def perform_create(self, serializer: Any) -> None:
        project = serializer.validated_data["project"]
        serializer.instance = services.offer_guard(project, actor=self.actor)

    def perform_destroy(self, instance: Any) -> None:
        services.withdraw_guard(instance, actor=self.actor)


class GuardSettingsView(ScopedView):
    """What a project says in place of what a guard has blocked; for its editors."""

    http_method_names = ["get", "head", "patch", "options"]
    queryset = Project.objects.all()
    serializer_class = GuardSettingsSerializer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer 404 for a project that is not visible and 403 for one that is not editable."""
        super().initial(request, *args, **kwargs)
        visible = Project.objects.visible_to(self.actor)
        self.project: Project = get_object_or_404(visible, pk=kwargs["project_id"])
        if not Project.objects.editable_by(self.actor).filter(pk=self.project.pk).exists():
            raise Forbidden("Only editors of the project may see this.")

    @extend_schema(responses=GuardSettingsSerializer)
    def get(self, request: Request, project_id: int) -> Response:
        """Return the message as it is used."""
        return self._told()

    @extend_schema(request=GuardSettingsSerializer, responses=GuardSettingsSerializer)
    def patch(self, request: Request, project_id: int) -> Response:
        """Change it."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        text = serializer.validated_data.get("censorship_message")
        if text is not None:
            services.set_censorship_message(self.project, text, actor=self.actor)
        return self._told()

    def _told(self) -> Response:
        own = GuardSettings.objects.filter(project=self.project).first()
        return Response({"censorship_message": own.message if own else CENSORSHIP_MESSAGE})


class DetectorsView(ScopedView):
    """The built-in detectors, for whoever is signed in."""

    http_method_names = READ
    permission_classes = [IsSignedIn]
    pagination_class = None
    queryset = PlatformGuard.objects.none()
    serializer_class = DetectorSerializer

    @extend_schema(responses=DetectorSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List them."""
        rows = [
            {
                "slug": one.slug,
                "title": one.title,
                "explanation": one.explanation,
                "finds_spans": one.finds_spans,
                "categories": dict(one.categories),
                "settings": {field.name: field.default for field in one.configuration},
            }
            for one in detectors()
        ]
        return Response(rows)
