"""Teams that are erased, and how far that has got."""

from django.db import models
from django.utils import timezone

from restai_site.lib.actor import Actor


class TeamErasureQuerySet(models.QuerySet["TeamErasure"]):
    """Erasures by who may know of them."""

    def visible_to(self, actor: Actor) -> "TeamErasureQuerySet":
        """Platform administrators see them, others none."""
        return self if actor.is_platform_admin else self.none()


class TeamErasure(models.Model):
    """A team that goes with everything in it. The row outlives it."""

    team_id = models.BigIntegerField(unique=True)
    name = models.CharField(max_length=100)
    asked_by = models.CharField(max_length=254)
    asked_at = models.DateTimeField(default=timezone.now)
    # How many projects there were, and how many are gone; how many rows of what was said.
    projects = models.PositiveIntegerField()
    projects_gone = models.PositiveIntegerField(default=0)
    rows_gone = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    # Why the last try ended early; the next one goes on.
    failure = models.CharField(max_length=300, blank=True)

    objects = TeamErasureQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"Erasure of {self.name}"
