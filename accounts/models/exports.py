"""Files of what the platform has about a person."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.users import User
from restai_site.lib.actor import Actor


class AbstractExport(models.Model):
    """A file of everything about somebody or something, made by the worker."""

    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    # How many kinds of data are in it so far, and how many there are.
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    content = models.BinaryField(null=True)
    failure = models.CharField(max_length=200, blank=True)

    class Meta:
        abstract = True
        ordering: ClassVar[Any] = ["-pk"]

    def __str__(self) -> str:
        return f"Export of {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def is_ready(self) -> bool:
        """Whether it can be fetched."""
        return self.finished_at is not None and not self.failure


class DataExportQuerySet(models.QuerySet["DataExport"]):
    """Exports belong to whom they are about, signed in as themselves."""

    def visible_to(self, actor: Actor) -> "DataExportQuerySet":
        """One's own. Nobody else sees any, administrators included."""
        return self.filter(user_id=actor.own_id) if actor.is_own_session else self.none()


class DataExport(AbstractExport):
    """A file with everything about a person. It goes with its person."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="data_exports")

    objects = DataExportQuerySet.as_manager()

    class Meta(AbstractExport.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(finished_at=None), name="data_export_one_unfinished"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="data_export_oldest")]
