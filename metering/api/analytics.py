"""`GET /api/analytics` and the same as CSV: use over time, from the roll-ups."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from metering.leaders import WAYS, Leader, every, leaders, ways_of
from metering.models import UsageRecord
from metering.scope import NAME_MAX_LENGTH, Filters, Scope
from metering.spans import DEFAULT_PERIOD, Period, period_of, periods
from metering.statistics import Statistics, Totals
from restai_site.lib.csv import Cell, csv_text
from restai_site.lib.drf import LARGEST_ID, actor_of

TIME = "time"
COUNTS = ("requests", "completed", "failures", "cancelled", "blocked")
TOKENS = ("prompt_tokens", "completion_tokens")
LATENCY = ("latency_p50_ms", "latency_p95_ms")


class QuerySerializer(serializers.Serializer[Any]):
    """What statistics can be narrowed by."""

    period = serializers.ChoiceField([one.key for one in periods()], default=DEFAULT_PERIOD)
    team = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    project = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    user = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    api_key = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    model = serializers.CharField(max_length=NAME_MAX_LENGTH, required=False)
    kind = serializers.ChoiceField(UsageRecord.Kind.choices, required=False)


class CsvQuerySerializer(QuerySerializer):
    """The same, and what a line stands for."""

    by = serializers.ChoiceField([TIME, *WAYS], default=TIME)


class TotalsSerializer(serializers.Serializer[Any]):
    """Sums of calls. Cost is in US dollars; latency, in milliseconds, that of completed calls."""

    requests = serializers.IntegerField()
    completed = serializers.IntegerField()
    failures = serializers.IntegerField(help_text="By the provider, by time-out or by us.")
    cancelled = serializers.IntegerField()
    blocked = serializers.IntegerField(help_text="By guards.")
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    cost = serializers.DecimalField(max_digits=30, decimal_places=12)
    latency_p50_ms = serializers.FloatField(source="latency_p50", allow_null=True)
    latency_p95_ms = serializers.FloatField(source="latency_p95", allow_null=True)


class BucketSerializer(TotalsSerializer):
    """The sums of one hour or day (UTC)."""

    starts_at = serializers.DateTimeField()


class PeriodSerializer(serializers.Serializer[Any]):
    """What the statistics are of."""

    key = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    previous_starts_at = serializers.DateTimeField()
    previous_ends_at = serializers.DateTimeField()
    bucket = serializers.ChoiceField(["hour", "day"])


class LeaderSerializer(serializers.Serializer[Any]):
    """One group of calls; `id` is null for models and kinds, and 0 for calls without any."""

    id = serializers.IntegerField(allow_null=True)
    name = serializers.CharField()
    requests = serializers.IntegerField()
    failures = serializers.IntegerField()
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    cost = serializers.DecimalField(max_digits=30, decimal_places=12)


class AnalyticsSerializer(serializers.Serializer[Any]):
    """Use over time, and who and what used the most."""

    as_of = serializers.DateTimeField(allow_null=True, help_text="Until when calls are counted.")
    period = PeriodSerializer()
    totals = TotalsSerializer()
    previous = TotalsSerializer(help_text="Of as long a time before.")
    series = BucketSerializer(many=True)
    leaders = serializers.DictField(
        child=LeaderSerializer(many=True), help_text="By team, project, model, kind, user, api_key."
    )


class AnalyticsView(APIView):
    """Statistics of use."""

    http_method_names = ["get", "head", "options"]

    @extend_schema(parameters=[QuerySerializer], responses=AnalyticsSerializer)
    def get(self, request: Request) -> Response:
        """Totals, the totals of the period before, a series and the leaders.

        Of one's own calls and those of the teams that one runs; of all for platform administrators.
        Calls are counted every minute.
        """
        statistics = _statistics(request, QuerySerializer)
        content = {
            "as_of": statistics.as_of,
            "period": period_told(statistics.period),
            "totals": statistics.totals,
            "previous": statistics.previous,
            "series": [_bucket(moment, totals) for moment, totals in statistics.series],
            "leaders": leaders(statistics, ways_of(statistics.scope)),
        }
        return Response(AnalyticsSerializer(content).data)


class CsvRenderer(BaseRenderer):
    """Lets clients ask for CSV; the view writes it itself."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        return data


class AnalyticsCsvView(APIView):
    """Statistics of use as CSV."""

    http_method_names = ["get", "head", "options"]

    def get_renderers(self) -> list[Any]:
        return [CsvRenderer(), *super().get_renderers()]

    @extend_schema(
        operation_id="analytics_csv",
        parameters=[CsvQuerySerializer],
        responses={
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="One line of heads.")
        },
    )
    def get(self, request: Request) -> HttpResponse:
        """The sums of each hour or day, or of every group of calls.

        Cells that a spreadsheet would run begin with an apostrophe.
        """
        statistics = _statistics(request, CsvQuerySerializer)
        by = request.query_params.get("by", TIME)
        lines = _over_time(statistics) if by == TIME else _by_group(every(statistics, by))
        name = f"usage-{statistics.period.key}-by-{by.replace('_', '-')}.csv"
        return HttpResponse(
            csv_text(lines),
            content_type="text/csv; charset=utf-8; header=present",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def _statistics(request: Request, shape: type[QuerySerializer]) -> Statistics:
    query = shape(data=request.query_params)
    query.is_valid(raise_exception=True)
    names = Filters.__dataclass_fields__
    filters = Filters(
        **{name: value for name, value in query.validated_data.items() if name in names}
    )
    scope = Scope(actor_of(request), filters)
    return Statistics(scope, period_of(query.validated_data["period"]))


def period_told(period: Period) -> dict[str, Any]:
    """Return what PeriodSerializer shows of a period."""
    return {
        "key": period.key,
        "starts_at": period.starts,
        "ends_at": period.ends,
        "previous_starts_at": period.previous_starts,
        "previous_ends_at": period.previous_ends,
        "bucket": period.bucket,
    }


def _bucket(moment: Any, totals: Totals) -> dict[str, Any]:
    counted = {name: getattr(totals, name) for name in (*COUNTS, *TOKENS, "cost")}
    latency = {"latency_p50": totals.latency_p50, "latency_p95": totals.latency_p95}
    return {"starts_at": moment, **counted, **latency}


def _over_time(statistics: Statistics) -> Iterator[list[Cell]]:
    yield ["starts_at", *COUNTS, *TOKENS, "cost_usd", *LATENCY]
    for moment, totals in statistics.series:
        latency = [_rounded(totals.latency_p50), _rounded(totals.latency_p95)]
        counted = [getattr(totals, name) for name in (*COUNTS, *TOKENS, "cost")]
        yield [moment, *counted, *latency]


def _by_group(rows: list[Leader]) -> Iterator[list[Cell]]:
    yield ["id", "name", "requests", "failures", *TOKENS, "cost_usd"]
    for row in rows:
        counts = [row.requests, row.failures, row.prompt_tokens, row.completion_tokens]
        yield [row.id, row.name, *counts, row.cost]


def _rounded(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else round(milliseconds)
