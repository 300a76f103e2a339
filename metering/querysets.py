"""Which use, and which budgets, an actor may see and change."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from accounts.models import ApiKey
from metering.levels import MEMBER, OF_TEAMS
from projects.models import Project
from projects.querysets import run_by, within_limits
from restai_site.lib.actor import Actor
from teams.models import Team

if TYPE_CHECKING:
    from metering.models import (  # noqa: F401 - named in the types of the bases
        Budget,
        UsageRecord,
        UsageRollup,
    )


class UsageQuerySet(models.QuerySet["UsageRecord"]):
    """The ledger: everybody sees their own use, team admins their team's."""

    def visible_to(self, actor: Actor) -> "UsageQuerySet":
        """All for platform administrators, the team's for team admins, else one's own.

        To a narrowed key, what of that was used within its limits.
        """
        if actor.is_platform_admin:
            return self
        seen = Q(user_id=actor.own_id) | run_by(actor)
        return self.filter(seen, within_limits(actor, project="project_id"))


class RollupQuerySet(models.QuerySet["UsageRollup"]):
    """Sums of the ledger: those of calls that the ledger shows."""

    def visible_to(self, actor: Actor) -> "RollupQuerySet":
        """All for platform administrators, the team's for team admins, else one's own.

        To a narrowed key, what of that was used within its limits. Several rows may count the same
        call: `metering.scope.Scope` finds rows that do not.
        """
        if actor.is_platform_admin:
            return self
        # No user is 0: own_id is nobody's where there is no user, and so are rows without one.
        own = Q(level=MEMBER, user_id=actor.own_id, user_id__gt=0)
        seen = own | (Q(level__in=OF_TEAMS) & run_by(actor))
        return self.filter(seen, within_limits(actor, project="project_id"))


class BudgetQuerySet(models.QuerySet["Budget"]):
    """Budgets: whoever gives one sees it, and whoever it limits by name."""

    def visible_to(self, actor: Actor) -> "BudgetQuerySet":
        """Platform administrators see all, team admins those of their teams and of its projects.

        Everybody sees their own and those of their keys. A narrowed key sees none.
        """
        if actor.is_platform_admin:
            return self
        if actor.is_narrowed:
            return self.none()
        own = Q(user_id=actor.own_id) | Q(api_key__user_id=actor.own_id)
        teams = Q(team__in=Team.objects.editable_by(actor))
        return self.filter(own | teams | Q(project__in=Project.objects.managed_by(actor)))

    def editable_by(self, actor: Actor) -> "BudgetQuerySet":
        """Platform administrators change all, team admins those of the projects of their teams.

        Owners change those of their own keys. Nobody widens what they were given themselves.
        """
        if actor.is_platform_admin:
            return self
        if actor.is_narrowed:
            return self.none()
        keys = Q(api_key__in=ApiKey.objects.filter(user_id=actor.own_id))
        return self.filter(keys | Q(project__in=Project.objects.managed_by(actor)))
