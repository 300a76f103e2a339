"""Which models and providers an actor may reach.

The catalog is the platform's. Which of it a team may use is the business of teams, which sit above.
"""

from typing import Any, Self

from django.db import models

from restai_site.lib.actor import Actor


class ProviderAccountQuerySet(models.QuerySet[Any]):
    """Provider accounts: platform administrators only."""

    def visible_to(self, actor: Actor) -> Self:
        """Platform administrators see all, others none."""
        return self if actor.is_platform_admin else self.none()

    def editable_by(self, actor: Actor) -> Self:
        """As `visible_to`."""
        return self.visible_to(actor)


class CatalogQuerySet(models.QuerySet[Any]):
    """Models of any kind."""

    def with_provider(self) -> Self:
        """Take the provider accounts along, without their secrets."""
        return self.select_related("provider").defer("provider__api_key")

    def visible_to(self, actor: Actor) -> Self:
        """Platform administrators see all; members see what is granted to a team of theirs."""
        if actor.is_platform_admin:
            return self
        # `teams` is the relation name of the grants, defined in the layer above.
        granted = self.filter(enabled=True, teams__memberships__user_id=actor.user_id)
        return self.filter(pk__in=granted.values("pk"))

    def editable_by(self, actor: Actor) -> Self:
        """Platform administrators edit the catalog."""
        return self if actor.is_platform_admin else self.none()
