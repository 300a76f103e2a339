"""The audit trail: append-only, with no foreign keys, so that rows outlive what they speak of."""

from typing import Any

from django.db import models

from restai_site.lib.actor import Actor


class AppendOnlyError(TypeError):
    """Somebody tried to change or delete an audit entry."""


class EntryQuerySet(models.QuerySet["Entry"]):
    """Reads and appends; refuses the rest before the database has to."""

    def visible_to(self, actor: Actor) -> "EntryQuerySet":
        """Platform administrators see the trail, others nothing of it."""
        return self if actor.is_platform_admin else self.none()

    def update(self, **kwargs: Any) -> int:
        raise AppendOnlyError("Audit entries cannot be changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError("Audit entries cannot be deleted.")

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise AppendOnlyError("Audit entries cannot be changed.")


class Entry(models.Model):
    """One act of one actor on one target."""

    created_at = models.DateTimeField(auto_now_add=True)
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

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        indexes = [
            models.Index(fields=["team_id", "-id"], name="audit_team_newest"),
            models.Index(fields=["actor_id", "-id"], name="audit_actor_newest"),
            models.Index(fields=["action", "-id"], name="audit_action_newest"),
            models.Index(fields=["target_type", "target_id", "-id"], name="audit_target_newest"),
            models.Index(fields=["request_id"], name="audit_request"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError("Audit entries cannot be changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError("Audit entries cannot be deleted.")
