"""Which stored settings an actor may reach."""

from typing import TYPE_CHECKING

from django.db import models

from restai_site.lib.actor import Actor

if TYPE_CHECKING:
    from configuration.models import StoredSetting  # noqa: F401 - named in the base class


class StoredSettingQuerySet(models.QuerySet["StoredSetting"]):
    """Settings are the business of platform administrators."""

    def visible_to(self, actor: Actor) -> "StoredSettingQuerySet":
        """Platform administrators see all, others none."""
        return self if actor.is_platform_admin else self.none()

    def editable_by(self, actor: Actor) -> "StoredSettingQuerySet":
        """Whoever sees a setting may change it."""
        return self.visible_to(actor)
