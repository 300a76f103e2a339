"""The audit trail: append-only, with no foreign keys, so that rows outlive what they speak of."""

from datetime import timedelta
from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils import timezone

from audit import readers
from audit.append_only import (
    AppendOnlyError,
    AppendOnlyManager,
    AppendOnlyModel,
    AppendOnlyQuerySet,
)
from audit.cuts import Cut, Removal
from audit.erasing.models import Erasure
from audit.forwarding.models import DeadLetter, Delivery
from audit.search import WORDS
from restai_site.lib.actor import Actor

__all__ = [
    "AppendOnlyError",
    "Cut",
    "DeadLetter",
    "Delivery",
    "Entry",
    "Erasure",
    "Removal",
    "Seal",
    "Unsealed",
    "Verification",
]
# The HTTP statuses of what was refused or failed begin here.
REFUSED = 400
# The actions of entries about requests, whatever they did, begin like this.
REQUEST = "request."
# A verification that has not ended after so long never will.
GIVEN_UP_AFTER = timedelta(hours=1)
# Such an entry about something that was read, and is recorded for that.
READ = REQUEST + "read"


class EntryQuerySet(AppendOnlyQuerySet):
    """Entries by who may read them."""

    def visible_to(self, actor: Actor) -> "EntryQuerySet":
        """Platform administrators see the trail; others what was done in teams, if they may.

        The ids come first: where it is one team, its index gives the rows in order.
        """
        if actor.is_platform_admin:
            return self
        ids = readers.team_ids(actor)
        found = self.filter(team_id=ids[0]) if len(ids) == 1 else self.filter(team_id__in=ids)
        return found.acts() if ids else self.none()

    def acts(self) -> "EntryQuerySet":
        """What was done, without the entries that each request leaves besides."""
        return self.exclude(action__startswith=REQUEST)

    def telling(self) -> "EntryQuerySet":
        """Leave out requests that were served: what they did has entries of its own."""
        return self.exclude(action__startswith=REQUEST, status__lt=REFUSED)


class Entry(AppendOnlyModel):
    """One act of one actor on one target."""

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    actor_id = models.BigIntegerField(null=True)
    actor_email = models.CharField(max_length=254, blank=True)
    credential = models.CharField(max_length=64)
    impersonator_id = models.BigIntegerField(null=True)
    impersonator_email = models.CharField(max_length=254, blank=True)
    action = models.CharField(max_length=64)
    target_type = models.CharField(max_length=64)
    target_id = models.CharField(max_length=64)
    target_name = models.CharField(max_length=200, blank=True)
    team_id = models.BigIntegerField(null=True)
    status = models.PositiveSmallIntegerField(default=200)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    changes = models.JSONField(default=dict)
    # What the code is made of besides: no two rows are the same.
    uid = models.UUIDField(default=uuid4, editable=False)
    # The code that only the holder of AUDIT_KEY can make of a row.
    mac = models.CharField(max_length=64, editable=False)
    # Where somebody was erased from it: what it said, encrypted, and a signature of what it says.
    erased = models.JSONField(null=True, editable=False)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        indexes = [
            models.Index(fields=["team_id", "-id"], name="audit_team_newest"),
            models.Index(fields=["actor_id", "-id"], name="audit_actor_newest"),
            models.Index(fields=["action", "-id"], name="audit_action_newest"),
            models.Index(fields=["target_type", "target_id", "-id"], name="audit_target_newest"),
            models.Index(fields=["request_id"], name="audit_request"),
            models.Index(fields=["actor_email", "-id"], name="audit_email_newest"),
            models.Index(fields=["ip", "-id"], name="audit_ip_newest"),
            models.Index(fields=["created_at"], name="audit_created"),
            GinIndex(WORDS, name="audit_words"),
            # What was refused is rare, and what is rare is looked for.
            models.Index(
                fields=["-id"], condition=models.Q(status__gte=REFUSED), name="audit_refused_newest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}"

    @property
    def is_erased(self) -> bool:
        """Whether somebody was erased from it."""
        return self.erased is not None

    @property
    def is_refused(self) -> bool:
        """Whether what it speaks of was refused, or failed."""
        return self.status >= REFUSED


class Unsealed(models.Model):
    """A row that waits for its seal; a trigger of the database puts it here."""

    entry_id = models.BigIntegerField(primary_key=True)

    class Meta:
        verbose_name_plural = "unsealed entries"

    def __str__(self) -> str:
        return str(self.entry_id)


class Seal(AppendOnlyModel):
    """A link of the chain: a batch of rows, in order, and the hash of the link before it.

    Its fields are described in docs/audit.md. Hashes and signatures are in hex.
    """

    number = models.BigIntegerField(primary_key=True)
    sealed_at = models.DateTimeField()
    entry_ids = ArrayField(models.BigIntegerField())
    # The digest of each of these rows, 32 bytes each: they tell which row was changed.
    leaves = models.BinaryField()
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    key_id = models.CharField(max_length=16)
    signature = models.CharField(max_length=128)

    objects = AppendOnlyManager()

    def __str__(self) -> str:
        return f"Seal {self.number}"


class VerificationQuerySet(models.QuerySet["Verification"]):
    """Verifications by who may know of them."""

    def visible_to(self, actor: Actor) -> "VerificationQuerySet":
        """Platform administrators see them, others none."""
        return self if actor.is_platform_admin else self.none()


class Verification(models.Model):
    """One look at the whole trail: whether it is the one that was written."""

    asked_by = models.CharField(max_length=254)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    # Unknown until it has finished.
    holds = models.BooleanField(null=True)
    entries = models.BigIntegerField(default=0)
    seals = models.BigIntegerField(default=0)
    waiting = models.BigIntegerField(default=0)
    first_bad_entry = models.BigIntegerField(null=True)
    # The first hundred: what is wrong, with which entry and in which seal.
    problems = models.JSONField(default=list)
    # The number of the seal that was told outside the database, where one was compared.
    checkpoint = models.BigIntegerField(null=True)
    failure = models.CharField(max_length=500, blank=True)

    objects = VerificationQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"Verification {self.pk}"

    @property
    def is_running(self) -> bool:
        """Whether it has not finished, and may still."""
        return self.finished_at is None and not self.is_given_up

    @property
    def is_given_up(self) -> bool:
        """Whether it has not finished and never will: its worker is gone."""
        return self.finished_at is None and self.started_at < timezone.now() - GIVEN_UP_AFTER

    @property
    def first_problem(self) -> str:
        """What is wrong first, in one sentence."""
        if self.failure or not self.problems:
            return self.failure
        one = self.problems[0]
        places = [f"{what} {one[what]}" for what in ("entry", "seal") if one.get(what) is not None]
        return f"{' of '.join(places).capitalize()} {one['what']}."
