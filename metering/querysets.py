"""Which use, and which budgets, an actor may see and change."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q

from accounts.models import ApiKey
from projects.models import Project
from projects.querysets import run_by, within_limits
from restai_site.lib.actor import Actor
from teams.models import Team
from teams.querysets import memberships_of

if TYPE_CHECKING:
    from metering.models import Budget, UsageRecord  # noqa: F401 - named in the types of the bases


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

        Owners change those of their own keys, signed in themselves: no key widens itself, and
        nobody what they were given.
        """
        if actor.is_platform_admin:
            return self
        if actor.is_narrowed:
            return self.none()
        editable = Q(project__in=Project.objects.managed_by(actor))
        if actor.is_own_session:
            editable |= Q(api_key__user_id=actor.own_id)
        return self.filter(editable)

    def applying_to(self, actor: Actor) -> "BudgetQuerySet":
        """The budgets that calls of the actor count to, and `shows_amounts` for each.

        Those of the user, of the key (of all own keys, for somebody who is signed in), and of the
        teams and projects that are used: these without their amounts, unless they are visible.
        """
        projects = Project.objects.visible_to(actor)
        if actor.is_narrowed:
            teams = Q(team__in=projects.values("team_id")) | Q(team_id=actor.team_id)
        else:
            mine = memberships_of(actor).values("team_id")
            projects, teams = projects.filter(team__in=mine), Q(team__in=mine)
        own_key = Q(api_key_id=actor.api_key_id or 0)
        keys = own_key if actor.api_key_id else Q(api_key__in=own_keys(actor))
        shown = self.model._default_manager.visible_to(actor).filter(pk=OuterRef("pk"))
        applying: BudgetQuerySet = self.filter(
            Q(user_id=actor.own_id) | keys | teams | Q(project__in=projects.values("pk"))
        ).annotate(
            shows_amounts=ExpressionWrapper(Exists(shown) | own_key, output_field=BooleanField())
        )
        return applying

    def looked_after_by(self, actor: Actor) -> "BudgetQuerySet":
        """Those that the actor is told about: what is visible, but not each user's and key's."""
        own = Q(user_id=actor.own_id) | Q(api_key__user_id=actor.own_id)
        shared = Q(team__isnull=False) | Q(project__isnull=False)
        return self.visible_to(actor).filter(own | shared)

    def reaching(self, percent: int, moment: datetime) -> "BudgetQuerySet":
        """Those of which at least `percent` is spent in a period that holds `moment`."""
        from metering.models import BudgetPeriod

        full = BudgetPeriod.objects.filter(
            budget_id=OuterRef("pk"),
            starts_at__lte=moment,
            ends_at__gt=moment,
            spent__gte=OuterRef("amount") * Decimal(percent) / 100,
        )
        return self.filter(Exists(full))

    def with_owners(self) -> "BudgetQuerySet":
        """Fetch whom they are for along with them."""
        return self.select_related("team", "project__team", "user", "api_key__user")


def own_keys(actor: Actor) -> models.QuerySet[ApiKey]:
    """Return the keys of the actor that nobody has revoked."""
    return ApiKey.objects.filter(user_id=actor.own_id).unrevoked()
