"""`GET /api/guards/statistics`: what guards did over time."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from guards.filters import Filters
from guards.models import GuardEvent
from guards.models.events import DETECTOR_MAX_LENGTH
from guards.periods import COMMON_ZONE, ZonedPeriod
from guards.statistics import GuardLine, Statistics, Totals
from metering.spans import DEFAULT_PERIOD, periods
from restai_site.lib.drf import LARGEST_ID, actor_of

SHARES = ("block_rate", "failure_rate", "precision", "recall")


class GuardQuerySerializer(serializers.Serializer[Any]):
    """What figures can be narrowed by."""

    period = serializers.ChoiceField([one.key for one in periods()], default=DEFAULT_PERIOD)
    team = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    project = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    guard = serializers.IntegerField(
        min_value=1, max_value=LARGEST_ID, required=False, help_text="The project that judged."
    )
    binding = serializers.IntegerField(
        min_value=1,
        max_value=LARGEST_ID,
        required=False,
        help_text="The place where the guard stood.",
    )
    detector = serializers.CharField(max_length=DETECTOR_MAX_LENGTH, required=False)
    stage = serializers.ChoiceField(GuardEvent.Stage.choices, required=False)


class GuardTotalsSerializer(serializers.Serializer[Any]):
    """Counts of checks: one is what one guard said of one stage of one call.

    The six outcomes add up to `checked`. Shares are from 0 to 1, null where there is nothing to
    divide by; latency is in milliseconds.
    """

    checked = serializers.IntegerField()
    passed = serializers.IntegerField()
    warned = serializers.IntegerField()
    redacted = serializers.IntegerField()
    blocked = serializers.IntegerField()
    failed_closed = serializers.IntegerField(help_text="No judgement, so blocked.")
    failed_open = serializers.IntegerField(help_text="No judgement, let through.")
    block_rate = serializers.FloatField(allow_null=True, help_text="blocked / checked")
    failure_rate = serializers.FloatField(allow_null=True)
    latency_p50_ms = serializers.FloatField(source="latency_p50", allow_null=True)
    latency_p95_ms = serializers.FloatField(source="latency_p95", allow_null=True)
    reviewed = serializers.IntegerField()
    precision = serializers.FloatField(
        allow_null=True, help_text="Right blocks / reviewed blocks; null: not enough reviews."
    )
    recall = serializers.FloatField(
        allow_null=True,
        help_text=(
            "Right findings / (right findings + passed checks reviewed as wrong); null: not enough "
            "reviews."
        ),
    )


class GuardBucketSerializer(GuardTotalsSerializer):
    """The totals of one hour or day."""

    starts_at = serializers.DateTimeField()


class GuardPeriodSerializer(serializers.Serializer[Any]):
    """What the figures are of. Days are those of `time_zone`: the team's, or else UTC."""

    key = serializers.CharField()
    time_zone = serializers.CharField(source="zone")
    bucket = serializers.ChoiceField(["hour", "day"])
    starts_at = serializers.DateTimeField(source="starts")
    ends_at = serializers.DateTimeField(source="ends")
    previous_starts_at = serializers.DateTimeField(source="previous_starts")


class CategorySerializer(serializers.Serializer[Any]):
    """How often something was found, and how often it was blocked for that."""

    category = serializers.CharField(source="value")
    label = serializers.CharField()  # type: ignore[assignment]  # the base has an attribute so named
    found = serializers.IntegerField()
    blocked = serializers.IntegerField()


class GuardLineSerializer(GuardTotalsSerializer):
    """The totals of one guard: of a place within one project, else of who judges."""

    name = serializers.CharField()
    binding = serializers.IntegerField(allow_null=True)
    guard = serializers.IntegerField(allow_null=True)
    detector = serializers.CharField(allow_blank=True)


class GuardStatisticsSerializer(serializers.Serializer[Any]):
    """What guards did, counted from the findings at the moment of the call."""

    period = GuardPeriodSerializer()
    totals = GuardTotalsSerializer()
    previous = GuardTotalsSerializer(help_text="Of as long a time before.")
    series = GuardBucketSerializer(many=True)
    categories = CategorySerializer(many=True, help_text="The ten found most.")
    guards = GuardLineSerializer(many=True, help_text="The fifty busiest.")


class GuardStatisticsView(APIView):
    """Figures of guards."""

    http_method_names = ["get", "head", "options"]

    @extend_schema(parameters=[GuardQuerySerializer], responses=GuardStatisticsSerializer)
    def get(self, request: Request) -> Response:
        """Totals, the totals of the period before, a series, categories and guards.

        Of the projects that one edits and the teams that one runs; of all for platform
        administrators.
        """
        query = GuardQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        given = {name: value for name, value in query.validated_data.items() if name != "period"}
        actor, filters = actor_of(request), Filters(**given)
        team = filters.team_of(actor)
        period = ZonedPeriod.of(
            query.validated_data["period"], team.time_zone if team else COMMON_ZONE
        )
        statistics = Statistics(filters.rows(actor), period, by_binding=filters.project is not None)
        return Response(GuardStatisticsSerializer(_content(statistics)).data)


def _content(statistics: Statistics) -> dict[str, Any]:
    return {
        "period": statistics.period,
        "totals": statistics.totals,
        "previous": statistics.previous,
        "series": [_bucket(moment, totals) for moment, totals in statistics.series],
        "categories": statistics.categories,
        "guards": [_line(line) for line in statistics.guards],
    }


def _bucket(moment: datetime, totals: Totals) -> dict[str, Any]:
    return {"starts_at": moment, **_values(totals)}


def _line(line: GuardLine) -> dict[str, Any]:
    who = {"name": line.name, "binding": line.binding, "guard": line.guard}
    return {**who, "detector": line.detector, **_values(line.totals)}


def _values(totals: Totals) -> dict[str, Any]:
    return {**asdict(totals), "reviewed": totals.reviewed, **_shares(totals)}


def _shares(totals: Totals) -> dict[str, float | None]:
    return {name: getattr(totals, name) for name in SHARES}
