"""The audit trail: append-only, with no foreign keys, so that rows outlive what they speak of."""

from typing import Any
from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from restai_site.lib.actor import Actor

# The HTTP statuses of what was refused or failed begin here.
REFUSED = 400


class AppendOnlyError(TypeError):
    """Somebody tried to change or delete an audit entry."""


class _AppendOnly(models.QuerySet[Any]):
    """Reads and appends; refuses the rest before the database has to."""

    def update(self, **kwargs: Any) -> int:
        raise AppendOnlyError("Audit entries cannot be changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError("Audit entries cannot be deleted.")

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise AppendOnlyError("Audit entries cannot be changed.")


class _AppendOnlyModel(models.Model):
    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError("Audit entries cannot be changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError("Audit entries cannot be deleted.")


class EntryQuerySet(_AppendOnly):
    """Entries by who may read them."""

    def visible_to(self, actor: Actor) -> "EntryQuerySet":
        """Platform administrators see the trail, others nothing of it."""
        return self if actor.is_platform_admin else self.none()


class Entry(_AppendOnlyModel):
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
            # What was refused is rare, and what is rare is looked for.
            models.Index(
                fields=["-id"], condition=models.Q(status__gte=REFUSED), name="audit_refused_newest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}"

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


class Seal(_AppendOnlyModel):
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

    objects = _AppendOnly.as_manager()

    def __str__(self) -> str:
        return f"Seal {self.number}"
