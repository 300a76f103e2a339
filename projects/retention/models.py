"""Stricter periods of teams and projects, and what was removed."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils import timezone

from projects.retention.querysets import RetentionRuleQuerySet, RetentionRunQuerySet
from teams.models import Team

if TYPE_CHECKING:
    from projects.models import Project  # noqa: F401  named by a string below

# A kind is looked at once a day.
EVERY = timedelta(days=1)


class RetentionRule(models.Model):
    """For how many days a team or a project keeps a kind of data, where that is less than others.

    What holds in the end is the least of the platform's, the team's and the project's.
    """

    team = models.ForeignKey(
        Team, null=True, on_delete=models.CASCADE, related_name="retention_rules"
    )
    project = models.ForeignKey(
        "projects.Project", null=True, on_delete=models.CASCADE, related_name="retention_rules"
    )
    kind = models.CharField(max_length=40)
    days = models.PositiveIntegerField()

    objects = RetentionRuleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "kind"], name="retention_rule_once_per_team"),
            models.UniqueConstraint(
                fields=["project", "kind"], name="retention_rule_once_per_project"
            ),
            models.CheckConstraint(
                condition=Q(team=None, project__isnull=False) | Q(team__isnull=False, project=None),
                name="retention_rule_of_one",
            ),
            models.CheckConstraint(condition=Q(days__gte=1), name="retention_rule_days"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.days} days"


class RetentionRun(models.Model):
    """One removal of what is over of one kind: in batches, each of which adds to `deleted`.

    `cuts` say what is over, as it was when the run began: a run that was killed goes on with them.
    """

    kind = models.CharField(max_length=40)
    cuts = models.JSONField()
    asked_by = models.CharField(max_length=254)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    deleted = models.BigIntegerField(default=0)
    # Why the last try ended early; the next one goes on.
    failure = models.CharField(max_length=200, blank=True)

    objects = RetentionRunQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind"], condition=Q(finished_at=None), name="retention_run_one_unfinished"
            )
        ]
        indexes = [models.Index(fields=["kind", "-id"], name="retention_run_newest")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def next_at(self) -> datetime:
        """When the kind is looked at again; at once where this one has not finished."""
        return self.started_at + EVERY if self.finished_at else self.started_at
