"""How far each destination has got, and what it would not take."""

from django.db import models
from django.utils import timezone

from restai_site.lib.actor import Actor


class Delivery(models.Model):
    """A destination: the last seal that it took, and when the next one is tried."""

    kind = models.CharField(max_length=20, primary_key=True)
    delivered_until = models.BigIntegerField()
    delivered_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    # Whoever sends puts this off first, so that no other does the same meanwhile.
    next_try_at = models.DateTimeField(default=timezone.now)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"{self.kind} up to seal {self.delivered_until}"


class DeadLetterQuerySet(models.QuerySet["DeadLetter"]):
    """Dead letters by who may know of them."""

    def visible_to(self, actor: Actor) -> "DeadLetterQuerySet":
        """Platform administrators see them, others none."""
        return self if actor.is_platform_admin else self.none()


class DeadLetter(models.Model):
    """A seal that a destination did not take, however often it was tried."""

    kind = models.CharField(max_length=20)
    number = models.BigIntegerField()
    error = models.CharField(max_length=300)
    failed_at = models.DateTimeField(default=timezone.now)

    objects = DeadLetterQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = [
            models.UniqueConstraint(fields=["kind", "number"], name="audit_dead_letter_once")
        ]

    def __str__(self) -> str:
        return f"seal {self.number} for {self.kind}"
