"""What a widget has done: visitors, conversations, messages, what was refused, and what it cost."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Trunc

from inference.models import Conversation
from metering.models import UsageRecord
from metering.scope import Filters, Scope
from metering.spans import Period, period_of
from metering.statistics import Statistics
from restai_site.lib.actor import Actor
from widget.models import Feedback, Visitor, Widget

# Messages, blocked and unanswered ones, and cost.
NOTHING = (0, 0, 0, Decimal(0))


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one stretch of time. Cost is in US dollars, that of guards included.

    Messages are what was asked of the model; `unanswered` of them had no answer through a fault.
    """

    new_visitors: int
    conversations: int
    messages: int
    blocked: int
    unanswered: int
    cost: Decimal


class Numbers:
    """The numbers of a widget within a period, for who edits its project.

    Messages and cost are read from the roll-ups, which are some minutes behind at most. Six
    queries, however much the widget is used.
    """

    def __init__(self, widget: Widget, period: Period | None = None) -> None:
        self.widget = widget
        self.period = period or period_of("")
        # Who edits a project sees its widgets' numbers, but not what each member used.
        scope = Scope(Actor.system("widget"), Filters(api_key=widget.key_id or 0))
        self._statistics = Statistics(scope, self.period)

    @property
    def as_of(self) -> datetime | None:
        """Until when messages and cost are counted."""
        return self._statistics.as_of

    @cached_property
    def visitors(self) -> int:
        """How many different visitors were there, new ones and others."""
        return self._visitors.filter(seen_at__gte=self.period.starts).count()

    @cached_property
    def judged(self) -> Mapping[str, int]:
        """How many answers were found `helpful` and `unhelpful`."""
        rows = Feedback.objects.filter(widget=self.widget, created_at__gte=self.period.starts)
        return rows.aggregate(
            helpful=Count("pk", filter=Q(is_helpful=True)),
            unhelpful=Count("pk", filter=Q(is_helpful=False)),
        )

    @cached_property
    def totals(self) -> Counts:
        """The sums of the whole period."""
        columns = zip(*(astuple(counts) for _, counts in self.series), strict=True)
        sums: Any = map(sum, columns)
        return Counts(*sums)

    @cached_property
    def series(self) -> list[tuple[datetime, Counts]]:
        """The sums of each day, or hour, those without any too."""
        visitors = self._visitors
        begun = Conversation.objects.filter(visitor_id__in=visitors.values("pk"))
        new, talks, used = self._by_bucket(visitors), self._by_bucket(begun), self._used()
        return [
            (at, Counts(new.get(at, 0), talks.get(at, 0), *used.get(at, NOTHING)))
            for at in self.period.buckets
        ]

    @property
    def _visitors(self) -> QuerySet[Visitor]:
        return Visitor.objects.filter(widget=self.widget)

    def _by_bucket(self, rows: QuerySet[Any]) -> dict[datetime, int]:
        """Return how many of `rows` were made in each bucket of the period."""
        within = rows.filter(created_at__gte=self.period.starts).order_by()
        return dict(within.values_list(self._bucket("created_at")).annotate(Count("pk")))

    def _used(self) -> dict[datetime, Sequence[Any]]:
        """Return messages, blocked and unanswered ones, and the cost of all, of each bucket."""
        found = self._statistics
        rows = found.scope.rows("kind").filter(found.covered())
        chats = Q(kind=UsageRecord.Kind.CHAT)
        grouped = rows.order_by().values_list(self._bucket("starts_at"))
        sums = grouped.annotate(
            asked=Sum("requests", filter=chats, default=0),
            stopped=Sum("blocked", filter=chats, default=0),
            failed=Sum("failures", filter=chats, default=0),
            spent=Sum("cost"),
        )
        return {at: used for at, *used in sums}

    def _bucket(self, field: str) -> Trunc:
        return Trunc(field, self.period.bucket, tzinfo=UTC)
