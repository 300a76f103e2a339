"""REST API of the ledger of use."""

from datetime import timedelta
from typing import Any

from django.db.models import Avg, Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from metering.api.filters import UsageFilter
from metering.api.serializers import UsageDaySerializer, UsageSerializer
from metering.models import UsageRecord
from restai_site.lib.drf import NewestFirstCursor
from restai_site.lib.viewsets import ReadViewSet

SUMMARY_DEFAULT_DAYS = 30
SUMMARY_MOST_DAYS = 366


class UsageViewSet(ReadViewSet):
    """Calls of models: one's own, the team's for team admins, all for platform administrators."""

    queryset = UsageRecord.objects.all()
    serializer_class = UsageSerializer
    filterset_class = UsageFilter
    pagination_class = NewestFirstCursor
    lookup_url_kwarg = "usage_id"
    lookup_value_converter = "int"

    @extend_schema(responses=UsageDaySerializer(many=True), filters=True)
    @action(detail=False, pagination_class=None)
    def summary(self, request: Request) -> Response:
        """Sums for each day, newest first: the last 30 days unless `since` says otherwise.

        A year at most.
        """
        rows = self.filter_queryset(self.get_queryset())
        days = 1 + (SUMMARY_MOST_DAYS if "since" in request.query_params else SUMMARY_DEFAULT_DAYS)
        recent = rows.filter(created_at__gte=timezone.now() - timedelta(days=days))
        return Response(UsageDaySerializer(_by_day(recent), many=True).data)


def _by_day(rows: QuerySet[Any]) -> QuerySet[Any, dict[str, Any]]:
    failed = ~Q(outcome=UsageRecord.Outcome.COMPLETED)
    sums = {name: Sum(name) for name in ("prompt_tokens", "completion_tokens", "cost")}
    days: QuerySet[Any, dict[str, Any]] = (
        rows.order_by()
        .values(day=TruncDate("created_at"))
        .annotate(
            requests=Count("pk"),
            failures=Count("pk", filter=failed),
            average_latency_ms=Avg("latency_ms"),
            **sums,
        )
        .order_by("-day")
    )
    return days
