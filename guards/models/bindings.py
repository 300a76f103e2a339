"""Which guards stand before and behind which projects."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import User
from guards.querysets import GuardBindingQuerySet, GuardSettingsQuerySet, PlatformGuardQuerySet
from projects.models import Project
from teams.models import Team

CENSORSHIP_MESSAGE = "This was withheld by a guard of the project."
MESSAGE_MAX_LENGTH = 500
SHORTEST_TIMEOUT_MS = 50
LONGEST_TIMEOUT_MS = 120_000


class GuardBinding(models.Model):
    """A guard at its place: of one project, or mandatory for a team or for everybody.

    What judges is a project (`guard`) or a built-in detector. A guard project that is deleted
    leaves its bindings behind without a judge: they let nothing pass until somebody removes them.
    """

    class Stage(models.TextChoices):
        INPUT = "input", "Input: what is sent to the model"
        OUTPUT = "output", "Output: what the model answers"
        BOTH = "both", "Both: input and output"

    class Mode(models.TextChoices):
        BLOCK = "block", "Block: replace the answer by the censorship message"
        WARN = "warn", "Warn: let it pass, flagged"
        REDACT = "redact", "Redact: mask what was found, then let it pass"

    class OnFailure(models.TextChoices):
        CLOSED = "closed", "Closed: nothing passes that was not judged"
        OPEN = "open", "Open: it passes without a judgement"

    # Exactly one of these three says where it stands; without a project it is mandatory.
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.CASCADE, related_name="guard_bindings"
    )
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.CASCADE, related_name="mandatory_guards"
    )
    is_for_all = models.BooleanField(default=False)
    # Exactly one of these judges.
    guard = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.SET_NULL, related_name="guarding"
    )
    detector = models.CharField(max_length=40, blank=True)
    configuration = models.JSONField(default=dict, blank=True)
    # What people read, also when the guard is gone.
    name = models.CharField(max_length=100)
    stage = models.CharField(max_length=6, choices=Stage.choices, default=Stage.INPUT)
    mode = models.CharField(max_length=6, choices=Mode.choices, default=Mode.BLOCK)
    # Those of the same number run side by side; those of a higher one see what lower ones masked.
    order = models.PositiveSmallIntegerField(default=1, validators=[MaxValueValidator(100)])
    timeout_ms = models.PositiveIntegerField(
        default=10_000,
        validators=[MinValueValidator(SHORTEST_TIMEOUT_MS), MaxValueValidator(LONGEST_TIMEOUT_MS)],
    )
    on_failure = models.CharField(max_length=6, choices=OnFailure.choices, default=OnFailure.CLOSED)
    # Whether the model is already called while this input guard judges; its answer waits.
    is_speculative = models.BooleanField(default=False)
    # From which score on an unsafe verdict counts; 0: every one.
    threshold = models.FloatField(
        default=0, validators=[MinValueValidator(0), MaxValueValidator(1)]
    )
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = GuardBindingQuerySet.as_manager()

    class Meta:
        ordering = ["order", "id"]
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(project__isnull=False, team__isnull=True, is_for_all=False)
                    | Q(project__isnull=True, team__isnull=False, is_for_all=False)
                    | Q(project__isnull=True, team__isnull=True, is_for_all=True)
                ),
                name="guard_binding_stands_in_one_place",
            ),
            models.CheckConstraint(
                condition=Q(guard__isnull=True) | Q(detector=""),
                name="guard_binding_has_one_judge",
            ),
            models.CheckConstraint(
                condition=Q(guard__isnull=True) | ~Q(guard=models.F("project")),
                name="guard_binding_not_of_itself",
            ),
            models.CheckConstraint(
                condition=Q(threshold__gte=0, threshold__lte=1),
                name="guard_binding_threshold_is_a_share",
            ),
            models.CheckConstraint(
                condition=Q(timeout_ms__range=(SHORTEST_TIMEOUT_MS, LONGEST_TIMEOUT_MS)),
                name="guard_binding_timeout_in_range",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_mandatory(self) -> bool:
        """Whether platform administrators alone may change it."""
        return self.project_id is None

    @property
    def has_lost_its_guard(self) -> bool:
        """Whether the project that judged is deleted: nothing passes here."""
        return self.guard_id is None and not self.detector


class PlatformGuard(models.Model):
    """A project that every team may use as a guard."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="platform_guard")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PlatformGuardQuerySet.as_manager()

    class Meta:
        ordering = ["project__name", "id"]

    def __str__(self) -> str:
        return str(self.project)


class GuardSettings(models.Model):
    """What a project says in place of what a guard has blocked."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="guard_settings")
    censorship_message = models.CharField(max_length=MESSAGE_MAX_LENGTH, blank=True)

    objects = GuardSettingsQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "guard settings"

    def __str__(self) -> str:
        return self.message

    @property
    def message(self) -> str:
        """The project's own words, or the platform's."""
        return self.censorship_message or CENSORSHIP_MESSAGE
