"""What guards found: one row for each guard, stage and call."""

import uuid

from django.db import models

from accounts.models import User
from guards.querysets import GuardEventQuerySet
from projects.models import Project
from teams.models import Team

TEXT_MAX_LENGTH = 4000
NOTE_MAX_LENGTH = 500
CATEGORY_MAX_LENGTH = 64
DETECTOR_MAX_LENGTH = 40
FOUND = ~models.Q(outcome="passed")


class GuardEvent(models.Model):
    """What one guard said of one stage of one call. Figures are sums over these rows.

    References are kept as long as what they name; `guard_name` says who judged after that. `text`
    and `reason` are filled only where the project keeps what is said, and something was found.
    """

    class Stage(models.TextChoices):
        INPUT = "input", "Input"
        OUTPUT = "output", "Output"

    class Outcome(models.TextChoices):
        PASSED = "passed", "Passed"
        WARNED = "warned", "Warned"
        REDACTED = "redacted", "Redacted"
        BLOCKED = "blocked", "Blocked"
        # The guard gave no judgement: blocked for that, or let through where it fails open.
        FAILED_CLOSED = "failed_closed", "Failed, blocked"
        FAILED_OPEN = "failed_open", "Failed, passed"

    class Review(models.TextChoices):
        RIGHT = "right", "Right"
        WRONG = "wrong", "Wrong"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The call that was guarded, as the ledger knows it.
    call_id = models.UUIDField()
    project = models.ForeignKey(
        Project, null=True, on_delete=models.SET_NULL, related_name="guard_events"
    )
    team = models.ForeignKey(
        Team, null=True, on_delete=models.SET_NULL, related_name="guard_events"
    )
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    binding = models.ForeignKey(
        "guards.GuardBinding", null=True, on_delete=models.SET_NULL, related_name="events"
    )
    guard = models.ForeignKey(Project, null=True, on_delete=models.SET_NULL, related_name="+")
    guard_name = models.CharField(max_length=100)
    detector = models.CharField(max_length=DETECTOR_MAX_LENGTH, blank=True)
    stage = models.CharField(max_length=6, choices=Stage.choices)
    mode = models.CharField(max_length=6)
    outcome = models.CharField(max_length=13, choices=Outcome.choices)
    category = models.CharField(max_length=CATEGORY_MAX_LENGTH, blank=True)
    score = models.FloatField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    # What went wrong where it gave no judgement: a word such as timeout.
    failure = models.CharField(max_length=40, blank=True)
    # How many texts or windows it judged, and how long that took together.
    checks = models.PositiveIntegerField(default=1)
    latency_ms = models.PositiveIntegerField()
    is_cached = models.BooleanField(default=False)
    text = models.TextField(blank=True, max_length=TEXT_MAX_LENGTH)
    review = models.CharField(max_length=5, choices=Review.choices, blank=True)
    review_note = models.CharField(max_length=NOTE_MAX_LENGTH, blank=True)
    reviewed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    reviewed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = GuardEventQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["call_id", "binding", "stage"], name="guard_event_once_per_call_and_stage"
            )
        ]
        indexes = [
            models.Index(fields=["project", "-created_at"], name="guard_event_project_newest"),
            models.Index(fields=["team", "-created_at"], name="guard_event_team_newest"),
            models.Index(fields=["guard", "-created_at"], name="guard_event_guard_newest"),
            models.Index(fields=["-created_at"], name="guard_event_newest"),
            # Lists of what was found pass over the many rows of what was not.
            models.Index(
                fields=["project", "-created_at"], name="guard_event_project_found", condition=FOUND
            ),
            models.Index(
                fields=["team", "-created_at"], name="guard_event_team_found", condition=FOUND
            ),
            models.Index(fields=["-created_at"], name="guard_event_found", condition=FOUND),
        ]

    def __str__(self) -> str:
        return f"{self.guard_name} {self.outcome}"
