"""Which models and providers an actor may reach.

The catalog is the platform's. Which of it a team may use is the business of teams, which sit above.
"""

from typing import Any, Self

from django.db import models
from django.db.models import Q

from restai_site.lib.actor import Actor


def granting_team(actor: Actor) -> Q:
    """Return the condition on a model that a team in which the actor may use it grants it.

    `teams` is the relation name of the grants, defined in the layer above.
    """
    granting = Q()
    if actor.team_id is not None:
        granting &= Q(teams=actor.team_id)
    if not actor.reaches_all:
        granting &= Q(teams__memberships__user_id=actor.own_id)
    return granting


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
        """Platform administrators see all; members see what is granted to a team of theirs.

        A key narrowed to a team sees what is granted to that one. A key narrowed to projects sees
        none: it names its projects, never the models behind them.
        """
        if actor.is_platform_admin:
            return self
        if actor.project_ids is not None:
            return self.none()
        granted = self.filter(granting_team(actor), enabled=True)
        return self.filter(pk__in=granted.values("pk"))

    def editable_by(self, actor: Actor) -> Self:
        """Platform administrators edit the catalog."""
        return self if actor.is_platform_admin else self.none()
