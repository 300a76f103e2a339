"""What was removed from the trail, and who wanted it: the rows of `audit.purging`."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from audit.append_only import AppendOnlyManager, AppendOnlyModel
from restai_site.lib.actor import Actor


class Cut(AppendOnlyModel):
    """That the entries of all seals up to one were removed on purpose, signed as seals are.

    The seals stay, so the chain holds over the cut; docs/audit.md says what is signed.
    """

    # Of the last seal whose entries go, and its hash.
    number = models.BigIntegerField(primary_key=True)
    hash = models.CharField(max_length=64)
    # How many entries that were, since the cut before.
    entries = models.BigIntegerField()
    cut_at = models.DateTimeField()
    asked_by = models.CharField(max_length=254)
    confirmed_by = models.CharField(max_length=254)
    key_id = models.CharField(max_length=16)
    signature = models.CharField(max_length=128)

    objects = AppendOnlyManager()

    def __str__(self) -> str:
        return f"Cut after seal {self.number}"


class RemovalQuerySet(models.QuerySet["Removal"]):
    """Removals by who may know of them."""

    def visible_to(self, actor: Actor) -> "RemovalQuerySet":
        """Platform administrators see them, others none."""
        return self if actor.is_platform_admin else self.none()


class Removal(models.Model):
    """A wish to remove old entries: asked for, then confirmed or withdrawn, then done."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waits to be confirmed"
        CONFIRMED = "confirmed", "Being removed"
        DONE = "done", "Removed"
        WITHDRAWN = "withdrawn", "Withdrawn"

    UNFINISHED = (State.WAITING, State.CONFIRMED)

    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    # Entries of before this moment; the last seal that holds none of later.
    before = models.DateTimeField()
    number = models.BigIntegerField()
    entries = models.BigIntegerField()
    asked_by_id = models.BigIntegerField(null=True)
    asked_by = models.CharField(max_length=254)
    asked_at = models.DateTimeField(default=timezone.now)
    answered_by = models.CharField(max_length=254, blank=True)
    answered_at = models.DateTimeField(null=True)
    # The last seal whose entries are gone, and how many are: a removal that is killed goes on here.
    removed_until = models.BigIntegerField(default=0)
    removed = models.BigIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    objects = RemovalQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = [
            models.UniqueConstraint(
                models.Value(1),
                condition=Q(state__in=["waiting", "confirmed"]),
                name="audit_removal_one_unfinished",
            )
        ]

    def __str__(self) -> str:
        return f"Removal of entries before {self.before:%Y-%m-%d}"

    @property
    def is_waiting(self) -> bool:
        """Whether somebody has to confirm or withdraw it."""
        return self.state == self.State.WAITING
