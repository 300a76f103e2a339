"""Budgets, what of them is spent and held, and the calls that hold it."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Floor

from accounts.models import ApiKey, User
from metering.periods import COMMON_ZONE
from metering.querysets import BudgetQuerySet
from projects.models import Project
from teams.models import Team

# Ten million times the world's yearly product, in dollars; and more tokens than there will be.
AMOUNT_BELOW = Decimal(10) ** 15
OWNERS = ("team", "project", "user", "api_key")


def _exactly_one_owner() -> Q:
    condition = Q()
    for owner in OWNERS:
        others = {f"{other}__isnull": True for other in OWNERS if other != owner}
        condition |= Q(**{f"{owner}__isnull": False}, **others)
    return condition


class Budget(models.Model):
    """How much one team, project, user or key may use in a day or a month."""

    class Period(models.TextChoices):
        DAY = "day", "A day"
        MONTH = "month", "A month"

    class Unit(models.TextChoices):
        MONEY = "money", "US dollars"
        TOKENS = "tokens", "Tokens"

    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="budgets")
    project = models.ForeignKey(
        Project, null=True, on_delete=models.CASCADE, related_name="budgets"
    )
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="budgets")
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.CASCADE, related_name="budgets")
    period = models.CharField(max_length=5, choices=Period.choices)
    unit = models.CharField(max_length=6, choices=Unit.choices)
    amount = models.DecimalField(max_digits=27, decimal_places=12)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=_exactly_one_owner(), name="budget_has_one_owner"),
            # NaN, which numeric columns take, is above every number.
            models.CheckConstraint(
                condition=Q(amount__gte=0, amount__lt=AMOUNT_BELOW), name="budget_amount_in_range"
            ),
            models.CheckConstraint(
                condition=Q(unit="money") | Q(amount=Floor(F("amount"))),
                name="budget_tokens_are_whole",
            ),
            *(
                models.UniqueConstraint(
                    fields=[owner, "period", "unit"],
                    condition=Q(**{f"{owner}__isnull": False}),
                    name=f"budget_once_per_{owner}",
                )
                for owner in OWNERS
            ),
        ]

    def __str__(self) -> str:
        written = f"{self.amount.normalize():,f}"
        return f"{f'${written}' if self.unit == 'money' else f'{written} tokens'} a {self.period}"

    @property
    def owner(self) -> str:
        """Which of OWNERS it is for."""
        return next(name for name in OWNERS if getattr(self, f"{name}_id") is not None)

    @property
    def time_zone(self) -> str:
        """The zone in which its days and months begin."""
        if self.team is not None:
            return self.team.time_zone
        return COMMON_ZONE if self.project is None else self.project.team.time_zone


class BudgetPeriod(models.Model):
    """One day or month of a budget.

    `spent` is the sum of the ledger over the calls that began within it, `reserved` the sum of what
    running calls hold. Both are changed by relative updates alone.
    """

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="periods")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    spent = models.DecimalField(max_digits=30, decimal_places=12, default=Decimal(0))
    reserved = models.DecimalField(max_digits=30, decimal_places=12, default=Decimal(0))

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["budget", "starts_at"], name="budget_period_once"),
            models.CheckConstraint(
                condition=Q(spent__gte=0, reserved__gte=0), name="budget_period_not_negative"
            ),
        ]
        # What runs now is asked for by each page.
        indexes = [models.Index(fields=["ends_at"], name="budget_period_ends")]

    def __str__(self) -> str:
        return f"{self.budget_id} from {self.starts_at:%Y-%m-%d}"


class Reservation(models.Model):
    """What a running call holds of the budgets that apply to it, until it ends or its lease does.

    It knows all that the ledger needs, for a call whose process dies.
    """

    class State(models.TextChoices):
        HELD = "held", "Held"
        SETTLED = "settled", "Settled"
        EXPIRED = "expired", "Expired"

    call_id = models.UUIDField(primary_key=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.HELD)
    lease_until = models.DateTimeField()
    team_id = models.BigIntegerField(null=True)
    project_id = models.BigIntegerField(null=True)
    user_id = models.BigIntegerField(null=True)
    api_key_id = models.BigIntegerField(null=True)
    model_name = models.CharField(max_length=100)
    kind = models.CharField(max_length=9)
    prompt_tokens = models.PositiveIntegerField()
    completion_tokens = models.PositiveIntegerField()
    cost = models.DecimalField(max_digits=20, decimal_places=12)
    request_id = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["lease_until"], condition=Q(state="held"), name="reservation_held_until"
            )
        ]

    def __str__(self) -> str:
        return f"{self.call_id} {self.state}"


class ReservationLine(models.Model):
    """What one call holds of one period of a budget."""

    reservation = models.ForeignKey(Reservation, on_delete=models.CASCADE, related_name="lines")
    period = models.ForeignKey(BudgetPeriod, on_delete=models.CASCADE, related_name="lines")
    amount = models.DecimalField(max_digits=30, decimal_places=12)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reservation", "period"], name="reservation_line_once_per_period"
            )
        ]

    def __str__(self) -> str:
        return f"{self.amount}"


class BudgetAlert(models.Model):
    """That a share of a budget was reached in one of its periods; told once."""

    period = models.ForeignKey(BudgetPeriod, on_delete=models.CASCADE, related_name="alerts")
    percent = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    # Since when somebody is at it, and when all mails were handed on.
    claimed_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], condition=Q(told_at__isnull=True), name="budget_alert_untold"
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["period", "percent"], name="budget_alert_once")
        ]

    def __str__(self) -> str:
        return f"{self.percent} %"
