"""Whom the trail is to forget, and how far that has got."""

from django.db import models
from django.utils import timezone

from restai_site.lib.actor import Actor


class ErasureQuerySet(models.QuerySet["Erasure"]):
    """Erasures by who may know of them."""

    def visible_to(self, actor: Actor) -> "ErasureQuerySet":
        """Platform administrators see them, others none."""
        return self if actor.is_platform_admin else self.none()


class Erasure(models.Model):
    """A person whose data goes from the entries of the trail; a pseudonym stands there instead."""

    # The model and the number of the account that was.
    subject_type = models.CharField(max_length=64)
    subject_id = models.BigIntegerField()
    pseudonym = models.CharField(max_length=64)
    # The addresses and names to look for, under AUDIT_KEY; empty when all are gone.
    sought = models.TextField(blank=True)
    key_id = models.CharField(max_length=16)
    asked_by = models.CharField(max_length=254)
    asked_at = models.DateTimeField(default=timezone.now)
    # All entries up to this one were looked at; how many hold the pseudonym now.
    reached = models.BigIntegerField(default=0)
    last = models.BigIntegerField(default=0)
    entries = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    objects = ErasureQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = [
            models.UniqueConstraint(
                fields=["subject_type", "subject_id"], name="audit_erasure_once_each"
            )
        ]

    def __str__(self) -> str:
        return self.pseudonym

    @property
    def percent(self) -> int:
        """How much of the trail was looked at, in percent."""
        return min(100, self.reached * 100 // self.last) if self.last else 0
