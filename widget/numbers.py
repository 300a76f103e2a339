"""What a widget has done: visitors, conversations, messages, what was refused, and what it cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Trunc

from inference.models import Conversation
from metering.models import UsageRecord
from metering.scope import Filters, Scope
from metering.spans import Period, period_of
from metering.statistics import Statistics, Totals
from restai_site.lib.actor import Actor
from widget.models import Feedback, Visitor, Widget


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

    Messages and cost are read from the roll-ups, which are some minutes behind at most. Ten
    queries, however much the widget is used.
    """

    def __init__(self, widget: Widget, period: Period | None = None) -> None:
        self.widget = widget
        self.period = period or period_of("")
        # Who edits a project sees its widgets' numbers, but not what each member used.
        actor, key = Actor.system("widget"), widget.key_id or 0
        chats = Filters(api_key=key, kind=UsageRecord.Kind.CHAT)
        self.talk = Statistics(Scope(actor, chats), self.period)
        self.spent = Statistics(Scope(actor, Filters(api_key=key)), self.period)

    @property
    def as_of(self) -> datetime | None:
        """Until when messages and cost are counted."""
        return self.talk.as_of

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
        new, begun = sum(self._new.values()), sum(self._begun.values())
        return _counts(new, begun, self.talk.totals, self.spent.totals)

    @cached_property
    def series(self) -> list[tuple[datetime, Counts]]:
        """The sums of each day, or hour, those without any too."""
        lines = zip(self.talk.series, self.spent.series, strict=True)
        return [
            (at, _counts(self._new.get(at, 0), self._begun.get(at, 0), talk, spent))
            for (at, talk), (_, spent) in lines
        ]

    @property
    def _visitors(self) -> QuerySet[Visitor]:
        return Visitor.objects.filter(widget=self.widget)

    @cached_property
    def _new(self) -> dict[datetime, int]:
        return self._by_bucket(self._visitors)

    @cached_property
    def _begun(self) -> dict[datetime, int]:
        of_widget = self._visitors.values("pk")
        return self._by_bucket(Conversation.objects.filter(visitor_id__in=of_widget))

    def _by_bucket(self, rows: QuerySet[Any]) -> dict[datetime, int]:
        """Return how many of `rows` were made in each bucket of the period."""
        within = rows.filter(created_at__gte=self.period.starts).order_by()
        bucket = Trunc("created_at", self.period.bucket, tzinfo=UTC)
        return dict(within.values_list(bucket).annotate(Count("pk")))


def _counts(new: int, begun: int, talk: Totals, spent: Totals) -> Counts:
    return Counts(
        new_visitors=new,
        conversations=begun,
        messages=talk.requests,
        blocked=talk.blocked,
        unanswered=talk.failures,
        cost=spent.cost,
    )
