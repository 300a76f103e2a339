"""How much of budgets is used now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from audit.services import neutral
from metering.amounts import in_words
from metering.models import Budget, BudgetPeriod
from metering.periods import Window, spoken, window
from metering.reserving import COUNTED
from restai_site.lib.actor import Actor

# Where pages and alerts begin to speak of a budget, and how.
WARNING_PERCENT = 80
TONES = ((100, "danger"), (WARNING_PERCENT, "warning"), (50, "info"), (0, "success"))
WARNINGS_MAX = 20
# Of a period that nobody has begun to count, what the ledger holds.
NOW = f"""
    SELECT budget.id, coalesce(period.spent, {COUNTED}), coalesce(period.reserved, 0),
           EXISTS (SELECT FROM metering_budgetalert AS alert
                   WHERE alert.period_id = period.id AND alert.percent = 100)
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[])
        AS spell (budget_id, starts_at, ends_at)
    JOIN metering_budget AS budget ON budget.id = spell.budget_id
    LEFT JOIN metering_budgetperiod AS period
        ON period.budget_id = budget.id AND period.starts_at = spell.starts_at
"""  # noqa: S608 - all parts are fixed
KINDS = {"team": "Team", "project": "Project", "user": "User", "api_key": "API key"}
PERIOD_WORDS = {"day": "a day", "month": "a month"}


@dataclass(frozen=True, slots=True)
class Meter:
    """A budget with what is used of it in its period of today."""

    budget: Budget
    window: Window
    spent: Decimal
    reserved: Decimal
    # Whether a call was refused since it was nearly used up.
    has_refused: bool = False

    @property
    def left(self) -> Decimal:
        """What neither is spent nor held by a running call."""
        return max(Decimal(0), self.budget.amount - self.spent - self.reserved)

    @property
    def percent(self) -> int:
        """How much of it is spent, rounded down; more than 100 where a call took more than held."""
        if not self.budget.amount:
            return 100
        return int(self.spent * 100 / self.budget.amount)

    @property
    def filled(self) -> int:
        """`percent`, and 100 at most."""
        return min(100, self.percent)

    @property
    def is_used_up(self) -> bool:
        """Whether calls are refused: nothing is left, or too little for the calls that come."""
        return self.has_refused or self.spent >= self.budget.amount

    @property
    def tone(self) -> str:
        """How it is drawn."""
        reached = 100 if self.is_used_up else self.percent
        return next(tone for least, tone in TONES if reached >= least)

    @property
    def title(self) -> str:
        """Whom it is for, as a heading."""
        return f"{KINDS[self.budget.owner]} {self.owner_name}"

    @property
    def owner_name(self) -> str:
        """The name of whom it is for, on one line."""
        owner = getattr(self.budget, self.budget.owner)
        return neutral(owner.display_name if self.budget.owner == "user" else owner.name)

    @property
    def limit_words(self) -> str:
        """How much it is, and for how long."""
        budget = self.budget
        return f"{in_words(budget.amount, budget.unit)} {PERIOD_WORDS[budget.period]}"

    @property
    def spent_words(self) -> str:
        return in_words(self.spent, self.budget.unit)

    @property
    def reserved_words(self) -> str:
        return in_words(self.reserved, self.budget.unit) if self.reserved else ""

    @property
    def left_words(self) -> str:
        return in_words(self.left, self.budget.unit)

    @property
    def resets_words(self) -> str:
        """When it begins anew, in its own time zone."""
        return spoken(self.window.ends_at, self.budget.time_zone)

    @property
    def resets_on(self) -> str:
        """The same without the zone, in a few characters."""
        there = self.window.ends_at.astimezone(ZoneInfo(self.budget.time_zone))
        return f"{there.day} {there:%b %Y, %H:%M}"

    @property
    def page(self) -> str:
        """The address of the page that shows it."""
        return page_of(self.budget)


def page_of(budget: Budget) -> str:
    """Return the address of the page that shows those whom `budget` is for how much is used."""
    if budget.team_id is not None:
        return reverse("metering:team_budgets", args=[budget.team_id])
    if budget.project_id is not None:
        return reverse("metering:project_limits", args=[budget.project_id])
    if budget.api_key_id is not None:
        return reverse("metering:key_budgets", args=[budget.api_key_id])
    return reverse("accounts:profile")


def meters_of(budgets: Iterable[Budget], moment: datetime | None = None) -> list[Meter]:
    """Return the meters of `budgets`, in their order. One query, if they come `with_owners`."""
    rows = list(budgets)
    if not rows:
        return []
    now = moment or timezone.now()
    windows = [window(row.period, now, row.time_zone) for row in rows]
    ids = [row.pk for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            NOW, [ids, [one.starts_at for one in windows], [one.ends_at for one in windows]]
        )
        used = {pk: rest for pk, *rest in cursor.fetchall()}
    return [
        Meter(row, spell, *used.get(row.pk, (Decimal(0), Decimal(0), False)))
        for row, spell in zip(rows, windows, strict=True)
    ]


def warnings_for(actor: Actor) -> Sequence[Meter]:
    """Return the nearly used budgets that the actor looks after, the fullest first. One query."""
    now = timezone.now()
    looked_after = Budget.objects.looked_after_by(actor)
    periods = BudgetPeriod.objects.filter(
        starts_at__lte=now,
        ends_at__gt=now,
        # A budget of nothing is meant so.
        budget__amount__gt=0,
        budget__in=looked_after,
        spent__gte=F("budget__amount") * Decimal(WARNING_PERCENT) / 100,
    ).select_related("budget__team", "budget__project__team", "budget__user", "budget__api_key")
    meters = [
        Meter(row.budget, Window(row.starts_at, row.ends_at), row.spent, row.reserved)
        for row in periods.order_by("pk")[:WARNINGS_MAX]
    ]
    # After a change of the time zone the period before it may still run: it counts no more.
    current = [one for one in meters if one.window == _window_of(one.budget, now)]
    return sorted(current, key=lambda one: -one.percent)


def _window_of(budget: Budget, moment: datetime) -> Window:
    return window(budget.period, moment, budget.time_zone)
