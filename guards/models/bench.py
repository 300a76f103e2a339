"""The test bench: labelled texts, runs of a guard over them, and what it said of each."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import ApiKey, User
from guards.bench_querysets import (
    GuardCaseQuerySet,
    GuardResultQuerySet,
    GuardRunQuerySet,
    GuardSetQuerySet,
)
from projects.models import PROMPT_MAX_LENGTH, Project
from teams.models import Team

CASES_MAX = 5_000
TEXT_MAX_LENGTH = 8_000
CATEGORY_MAX_LENGTH = 64
UPLOAD_MAX_BYTES = 5_000_000
NAME_MAX_LENGTH = 100


class Expected(models.TextChoices):
    """What a text is, and what a guard should say of it."""

    SAFE = "safe", "Safe"
    UNSAFE = "unsafe", "Unsafe"


class GuardSet(models.Model):
    """Labelled texts of a team; without a team, shipped with the platform."""

    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="guard_sets")
    name = models.CharField(max_length=NAME_MAX_LENGTH)
    description = models.CharField(max_length=500, blank=True)
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    # Of a shipped set: its slug and the digest of its file. Empty for all others.
    source = models.CharField(max_length=80, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = GuardSetQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="guard_set_name_once_per_team"),
            models.UniqueConstraint(
                fields=["source"], condition=~Q(source=""), name="guard_set_shipped_once"
            ),
            models.CheckConstraint(
                condition=Q(team__isnull=True) | Q(source=""),
                name="guard_set_of_a_team_is_not_shipped",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_shipped(self) -> bool:
        """Whether it came with the platform, so that nobody changes it."""
        return self.team_id is None


class GuardCase(models.Model):
    """One text of a set, and what it is."""

    set = models.ForeignKey(GuardSet, on_delete=models.CASCADE, related_name="cases")
    position = models.PositiveIntegerField()
    text = models.TextField(max_length=TEXT_MAX_LENGTH)
    expected = models.CharField(max_length=6, choices=Expected.choices)
    category = models.CharField(max_length=CATEGORY_MAX_LENGTH, blank=True)

    objects = GuardCaseQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["set", "position"], name="guard_case_position_once")
        ]

    def __str__(self) -> str:
        # Not the text: a name stands in logs and in the audit trail.
        return f"case {self.position}"


class GuardRun(models.Model):
    """One guard over one set. What it was at the time is kept with it: prompt, model, settings."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    UNFINISHED = (State.QUEUED, State.RUNNING)

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="guard_runs")
    set = models.ForeignKey(GuardSet, on_delete=models.CASCADE, related_name="runs")
    # One of these judges; a project that is deleted leaves its runs behind.
    guard = models.ForeignKey(Project, null=True, on_delete=models.SET_NULL, related_name="+")
    detector = models.CharField(max_length=40, blank=True)
    configuration = models.JSONField(default=dict, blank=True)
    guard_name = models.CharField(max_length=100)
    label = models.CharField(max_length=NAME_MAX_LENGTH)
    # Of a guard project.
    prompt = models.TextField(blank=True, max_length=PROMPT_MAX_LENGTH)
    prompt_number = models.PositiveIntegerField(null=True)
    model_name = models.CharField(max_length=100, blank=True)
    # A digest of everything that a verdict depends on, beside the text.
    version = models.CharField(max_length=64)
    threshold = models.FloatField(
        default=0, validators=[MinValueValidator(0), MaxValueValidator(1)]
    )
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    failure = models.CharField(max_length=300, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField()
    tp = models.PositiveIntegerField(default=0)
    fp = models.PositiveIntegerField(default=0)
    tn = models.PositiveIntegerField(default=0)
    fn = models.PositiveIntegerField(default=0)
    errors = models.PositiveIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)
    cost = models.DecimalField(max_digits=20, decimal_places=12, default=Decimal(0))
    latency_p50_ms = models.FloatField(null=True)
    latency_p95_ms = models.FloatField(null=True)
    started_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    # The key by which it was started: its budgets count too. A key that is gone ends the run.
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, related_name="+")
    by_key = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # When it last got on; what has stood still for long is queued again.
    moved_at = models.DateTimeField(auto_now_add=True)
    # How often in a row it has stood still.
    stalls = models.PositiveSmallIntegerField(default=0)

    objects = GuardRunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(guard__isnull=True) | Q(detector=""), name="guard_run_has_one_judge"
            ),
            models.CheckConstraint(
                condition=Q(threshold__gte=0, threshold__lte=1),
                name="guard_run_threshold_is_a_share",
            ),
        ]
        indexes = [
            models.Index(fields=["team", "-id"], name="guard_run_team_newest"),
            models.Index(
                fields=["moved_at"],
                condition=Q(state__in=["queued", "running"]),
                name="guard_run_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def is_unfinished(self) -> bool:
        """Whether it waits for a worker or is at work."""
        return self.state in self.UNFINISHED

    @property
    def percent(self) -> int:
        """How much of the set is done."""
        return 100 * self.done // self.total if self.total else 100


class GuardResult(models.Model):
    """What the guard of a run said of one case."""

    class Verdict(models.TextChoices):
        SAFE = "safe", "Safe"
        UNSAFE = "unsafe", "Unsafe"
        # No judgement; neither a find nor a pass.
        ERROR = "error", "Error"

    run = models.ForeignKey(GuardRun, on_delete=models.CASCADE, related_name="results")
    case = models.ForeignKey(GuardCase, on_delete=models.CASCADE, related_name="+")
    verdict = models.CharField(max_length=6, choices=Verdict.choices)
    # Whether the guard called it unsafe, at whatever score; `verdict` asks for the threshold too.
    was_raised = models.BooleanField(default=False)
    category = models.CharField(max_length=CATEGORY_MAX_LENGTH, blank=True)
    score = models.FloatField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    failure = models.CharField(max_length=40, blank=True)
    latency_ms = models.FloatField()
    tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=20, decimal_places=12, default=Decimal(0))

    objects = GuardResultQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "case"], name="guard_result_once_per_case")
        ]

    def __str__(self) -> str:
        return f"{self.verdict} on case {self.case_id}"

    @property
    def is_right(self) -> bool:
        """Whether the verdict is what the case expects."""
        return bool(self.verdict == self.case.expected)
