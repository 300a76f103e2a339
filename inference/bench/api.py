"""REST API of the test bench: /api/guards/sets and /api/guards/runs."""

from dataclasses import asdict
from io import BytesIO
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.serializers import BaseSerializer

from guards.bench_querysets import bench_teams
from guards.case_files import CSV, JSONL
from guards.models import GuardCase, GuardResult, GuardRun, GuardSet
from guards.models.bench import NAME_MAX_LENGTH
from inference.bench import runs, sets
from inference.bench.figures import figures_of, matrix_of_run
from inference.bench.judges import (
    Candidate,
    guards_for,
    of_detector,
    of_project,
    require_may_choose,
)
from inference.bench.pages import FOR_WHOM
from projects.models import Project
from restai_site.lib.drf import ModelSerializer, NewestFirstCursor, NumberField, VisibleField
from restai_site.lib.errors import Forbidden, Invalid, NotFound
from restai_site.lib.viewsets import ServiceViewSet
from teams.models import Team

SHARES = ("precision", "recall", "f1", "false_alarm_rate")


class GuardSetSerializer(ModelSerializer):
    """A labelled set; without a team, shipped with the platform."""

    texts = serializers.IntegerField(read_only=True)
    unsafe = serializers.IntegerField(read_only=True)

    class Meta:
        model = GuardSet
        fields = ["id", "team", "name", "description", "texts", "unsafe", "created_at"]
        read_only_fields = ["id", "team", "created_at"]


class NewGuardSetSerializer(serializers.Serializer[Any]):
    """A new set: the content of a file, and its form."""

    team = VisibleField(queryset=Team.objects.all())
    name = serializers.CharField(max_length=NAME_MAX_LENGTH)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    form = serializers.ChoiceField([CSV, JSONL])
    content = serializers.CharField(trim_whitespace=False, help_text="CSV or JSON lines.")


class GuardCaseSerializer(ModelSerializer):
    """One labelled text."""

    class Meta:
        model = GuardCase
        fields = ["id", "position", "text", "expected", "category"]
        read_only_fields = fields


class GuardRunSerializer(ModelSerializer):
    """A run. Costs are in US dollars, times in milliseconds; shares without a count are null."""

    shares = serializers.SerializerMethodField(help_text="Precision, recall, F1, false alarms.")

    class Meta:
        model = GuardRun
        fields = [
            *("id", "team", "set", "guard", "detector", "configuration", "guard_name", "label"),
            *("prompt_number", "model_name", "version", "threshold", "state", "failure"),
            *("done", "total", "tp", "fp", "tn", "fn", "errors", "shares", "tokens", "cost"),
            *("latency_p50_ms", "latency_p95_ms", "created_at", "started_at", "finished_at"),
        ]
        read_only_fields = [name for name in fields if name != "label"]

    def get_shares(self, run: GuardRun) -> dict[str, float | None]:
        """Return the shares of the run's matrix."""
        matrix = matrix_of_run(run)
        return {name: getattr(matrix, name) for name in SHARES}


class GuardRunDetailSerializer(GuardRunSerializer):
    """A run with what it would have come to at other thresholds."""

    curve = serializers.SerializerMethodField()

    class Meta(GuardRunSerializer.Meta):
        fields = [*GuardRunSerializer.Meta.fields, "curve"]
        read_only_fields = [name for name in fields if name != "label"]

    def get_curve(self, run: GuardRun) -> list[dict[str, Any]]:
        """Return recall and rate of false alarms at each threshold."""
        return [asdict(point) for point in figures_of(run).points]


class NewGuardRunSerializer(serializers.Serializer[Any]):
    """A new run of a guard project, or of a detector with its configuration."""

    team = VisibleField(queryset=Team.objects.all())
    set = VisibleField(queryset=GuardSet.objects.all())
    guard = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    prompt_number = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=2**31 - 1
    )
    detector = serializers.CharField(max_length=40, required=False, allow_blank=True)
    configuration = serializers.DictField(required=False)
    threshold = NumberField(min_value=0, max_value=1, default=0)
    label = serializers.CharField(  # type: ignore[assignment]
        max_length=NAME_MAX_LENGTH, required=False, allow_blank=True
    )

    def validate(self, attrs: Any) -> Any:
        """Refuse two judges, and none."""
        if bool(attrs.get("guard")) == bool(attrs.get("detector")):
            raise serializers.ValidationError("Name a guard or a detector.")
        return attrs


class GuardResultSerializer(ModelSerializer):
    """What the guard said of one text."""

    case = GuardCaseSerializer(read_only=True)

    class Meta:
        model = GuardResult
        fields = [
            *("id", "case", "verdict", "was_raised", "category", "score", "reason", "failure"),
            *("latency_ms", "tokens", "cost"),
        ]
        read_only_fields = fields


class _OfBench(ServiceViewSet):
    """Refuses those without a bench before a body is read."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer 403 to whoever has no bench to work on."""
        super().initial(request, *args, **kwargs)
        if not bench_teams(self.actor).exists():
            raise Forbidden(FOR_WHOM)

    def _page(self, rows: QuerySet[Any], serializer: type[BaseSerializer[Any]]) -> Response:
        page = self.paginate_queryset(rows)
        data = serializer(page, many=True, context=self.get_serializer_context()).data
        return self.get_paginated_response(data)


@extend_schema_view(
    create=extend_schema(request=NewGuardSetSerializer, responses={201: GuardSetSerializer})
)
class GuardSetViewSet(_OfBench):
    """Labelled sets of the caller's teams, and those that are shipped."""

    queryset = GuardSet.objects.order_by("name", "id")
    serializer_class = GuardSetSerializer
    filterset_fields = ["team"]
    lookup_url_kwarg = "guard_set_id"
    lookup_value_converter = "int"

    def visible(self, rows: Any) -> QuerySet[Any]:
        return (  # type: ignore[no-any-return]
            super()
            .visible(rows)
            .annotate(
                texts=Count("cases"),
                unsafe=Count("cases", filter=Q(cases__expected="unsafe")),
            )
        )

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep the labelled texts of a file for a team."""
        context = self.get_serializer_context()
        given = NewGuardSetSerializer(data=request.data, context=context)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        file = BytesIO(values.pop("content").encode())
        made = sets.create_set(values.pop("team"), file=file, actor=self.actor, **values)
        shown = self.get_serializer(self.get_queryset().get(pk=made.pk))
        return Response(shown.data, status=status.HTTP_201_CREATED)

    def perform_update(self, serializer: Any) -> None:
        changed = sets.update_set(serializer.instance, serializer.validated_data, actor=self.actor)
        serializer.instance = self.get_queryset().get(pk=changed.pk)

    def perform_destroy(self, instance: Any) -> None:
        sets.delete_set(instance, actor=self.actor)

    @extend_schema(responses=GuardCaseSerializer(many=True))
    @action(detail=True, filterset_fields=[])
    def cases(self, request: Request, guard_set_id: int) -> Response:
        """The texts of a set, in order."""
        found = self.get_object()
        return self._page(found.cases.order_by("position"), GuardCaseSerializer)


@extend_schema_view(
    create=extend_schema(request=NewGuardRunSerializer, responses={201: GuardRunSerializer})
)
class GuardRunViewSet(_OfBench):
    """Runs of guards over labelled sets, newest first."""

    queryset = GuardRun.objects.defer("prompt").order_by("-id")
    serializer_class = GuardRunSerializer
    pagination_class = NewestFirstCursor
    filterset_fields = ["team", "set", "guard", "state"]
    lookup_url_kwarg = "run_id"
    lookup_value_converter = "int"

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return GuardRunDetailSerializer if self.action == "retrieve" else GuardRunSerializer

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Begin a run; the team pays. 409 while too many runs of the team are not done."""
        context = self.get_serializer_context()
        given = NewGuardRunSerializer(data=request.data, context=context)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        sets.require_bench(values["team"], self.actor)
        run = runs.start_run(
            values["team"],
            values["set"],
            self._candidate(values),
            threshold=values["threshold"],
            label=values.get("label", ""),
            actor=self.actor,
        )
        return Response(self.get_serializer(run).data, status=status.HTTP_201_CREATED)

    def _candidate(self, values: dict[str, Any]) -> Candidate:
        if values.get("detector"):
            return of_detector(values["detector"], values.get("configuration", {}))
        if values.get("configuration"):
            raise Invalid("Only detectors have a configuration.")
        rows = guards_for(values["team"].pk, self.actor)
        # Eighteen digits always fit the column.
        project: Project | None = (
            rows.filter(pk=values["guard"]).first() if values["guard"] < 10**18 else None
        )
        if project is None:
            raise NotFound("There is no such guard for the team.")
        number = values.get("prompt_number")
        require_may_choose(project, number, self.actor)
        return of_project(project, prompt_number=number)

    def perform_update(self, serializer: Any) -> None:
        label = serializer.validated_data.get("label", serializer.instance.label)
        serializer.instance = runs.rename_run(serializer.instance, label=label, actor=self.actor)

    def perform_destroy(self, instance: Any) -> None:
        runs.delete_run(instance, actor=self.actor)

    @extend_schema(request=None, responses=GuardRunSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, run_id: int) -> Response:
        """End a run that is not done; what was judged stays."""
        run = runs.cancel_run(self.get_object(), actor=self.actor)
        return Response(self.get_serializer(run).data)

    @extend_schema(responses=GuardResultSerializer(many=True))
    @action(detail=True, filterset_fields=[])
    def results(self, request: Request, run_id: int) -> Response:
        """What the guard said of each text, latest first."""
        rows = GuardResult.objects.filter(run=self.get_object()).select_related("case")
        return self._page(rows, GuardResultSerializer)


router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("guards/sets", GuardSetViewSet, basename="guard-set")
router.register("guards/runs", GuardRunViewSet, basename="guard-run")
urlpatterns: list[URLPattern | URLResolver] = [path("", include(router.urls))]
