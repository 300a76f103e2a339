"""Platform settings as they are kept. What they mean is declared in the sections of the apps."""

from django.db import models
from django.db.models import Q

from configuration.querysets import StoredSettingQuerySet
from restai_site.lib.crypto import EncryptedTextField


class StoredSetting(models.Model):
    """A value that an administrator has set; without a row a setting has its default."""

    section = models.CharField(max_length=50)
    name = models.CharField(max_length=50)
    value = models.JSONField(null=True, blank=True)
    secret = EncryptedTextField(blank=True, default="")
    set_at = models.DateTimeField()

    objects = StoredSettingQuerySet.as_manager()

    class Meta:
        ordering = ["section", "name"]
        constraints = [
            models.UniqueConstraint(fields=["section", "name"], name="stored_setting_once")
        ]

    def __str__(self) -> str:
        return f"{self.section}.{self.name}"


class Revision(models.Model):
    """By its number processes see that settings have changed. There is at most one row.

    Each write locks it, so that writes come one after the other. The number is random: a count
    could return to what a process has read inside a transaction that was rolled back.
    """

    singleton = models.BooleanField(default=True, unique=True, editable=False)
    number = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(singleton=True), name="revision_single_row")
        ]

    def __str__(self) -> str:
        return str(self.number)
