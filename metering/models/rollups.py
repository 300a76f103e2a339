"""Sums of the ledger, from which statistics are read. The ledger is what counts."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from metering.levels import LEVELS
from metering.querysets import RollupQuerySet

HISTOGRAM = ("latency_buckets", "latency_counts")
SUMS = (
    *("requests", "completed", "failures", "cancelled", "blocked"),
    *("prompt_tokens", "completion_tokens", "cost"),
    *("latency_sum", "first_token_sum", "first_token_count"),
)


class UsageRollup(models.Model):
    """The calls of one hour, day or window (UTC, by `created_at`) that agree in some dimensions.

    A window is one of the stretches of whole days, up to the last that is summed up, that pages ask
    for: `metering.spans.WINDOWS`.

    `metering.levels` says in which; the others are 0 or "", as is what a call does not have.
    Latency is that of completed calls; its histogram is described in `metering.histogram`, and
    empty in rows of windows.
    """

    class Grain(models.TextChoices):
        HOUR = "hour", "Hour"
        DAY = "day", "Day"
        WINDOW = "window", "Window"

    grain = models.CharField(max_length=6, choices=Grain.choices)
    level = models.CharField(max_length=13, choices=[(level, level) for level in LEVELS])
    starts_at = models.DateTimeField()
    team_id = models.BigIntegerField(default=0)
    project_id = models.BigIntegerField(default=0)
    user_id = models.BigIntegerField(default=0)
    api_key_id = models.BigIntegerField(default=0)
    model_name = models.CharField(max_length=100, blank=True)
    kind = models.CharField(max_length=9, blank=True)
    requests = models.BigIntegerField()
    completed = models.BigIntegerField()
    failures = models.BigIntegerField()
    cancelled = models.BigIntegerField()
    blocked = models.BigIntegerField()
    prompt_tokens = models.BigIntegerField()
    completion_tokens = models.BigIntegerField()
    cost = models.DecimalField(max_digits=30, decimal_places=12, default=Decimal(0))
    latency_sum = models.BigIntegerField()
    first_token_sum = models.BigIntegerField()
    first_token_count = models.BigIntegerField()
    latency_buckets = ArrayField(models.SmallIntegerField(), default=list)
    latency_counts = ArrayField(models.BigIntegerField(), default=list)

    objects = RollupQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["grain", "level", "starts_at"], name="rollup_level"),
            models.Index(fields=["team_id", "level", "grain", "starts_at"], name="rollup_team"),
            models.Index(
                fields=["project_id", "level", "grain", "starts_at"],
                condition=Q(project_id__gt=0),
                name="rollup_project",
            ),
            models.Index(
                fields=["user_id", "level", "grain", "starts_at"],
                condition=Q(user_id__gt=0),
                name="rollup_user",
            ),
            models.Index(
                fields=["api_key_id", "level", "grain", "starts_at"],
                condition=Q(api_key_id__gt=0),
                name="rollup_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.level} in the {self.grain} of {self.starts_at:%Y-%m-%d %H:%M}"


class RollupState(models.Model):
    """How far the roll-ups go. One row."""

    singleton = models.BooleanField(primary_key=True, default=True)
    # Until when calls are counted; the ends of what is rolled up by the hour and by the day.
    rolled_until = models.DateTimeField(null=True)
    days_until = models.DateTimeField(null=True)
    # The end of the windows; null where they are to be made anew.
    windows_until = models.DateTimeField(null=True)
    # The ledger holds all calls since then; null: all there ever were. Older days stay as they are.
    ledger_from = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(singleton=True), name="rollup_state_once"),
        ]

    def __str__(self) -> str:
        return f"rolled up until {self.rolled_until}"


class StaleDay(models.Model):
    """A day (UTC) whose calls have changed since; the database marks it, the roll-up mends it."""

    starts_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d}"
