"""Which periods and removals an actor may know of."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from restai_site.lib.actor import Actor
from teams.models import Team

if TYPE_CHECKING:
    from projects.retention.models import (  # noqa: F401 - named in the types of the base classes
        RetentionRule,
        RetentionRun,
    )


class RetentionRuleQuerySet(models.QuerySet["RetentionRule"]):
    """Rules are seen with their team or project, and set by who runs it."""

    def visible_to(self, actor: Actor) -> "RetentionRuleQuerySet":
        """Whoever sees the team or the project knows for how long it keeps what they say."""
        from projects.models import Project

        teams, projects = Team.objects.visible_to(actor), Project.objects.visible_to(actor)
        return self.filter(Q(team__in=teams) | Q(project__in=projects))

    def editable_by(self, actor: Actor) -> "RetentionRuleQuerySet":
        """Who runs the team, of projects too."""
        from projects.models import Project

        teams, projects = Team.objects.editable_by(actor), Project.objects.managed_by(actor)
        return self.filter(Q(team__in=teams) | Q(project__in=projects))


class RetentionRunQuerySet(models.QuerySet["RetentionRun"]):
    """Runs are for platform administrators."""

    def visible_to(self, actor: Actor) -> "RetentionRunQuerySet":
        """Platform administrators see them, others none."""
        return self if actor.is_platform_admin else self.none()
