"""Which guards and findings an actor may see and change."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from projects.models import Project
from projects.querysets import run_by, within_limits
from restai_site.lib.actor import Actor
from teams.models import Team

if TYPE_CHECKING:
    from guards.models import (  # noqa: F401 - named in the types of the bases
        GuardBinding,
        GuardEvent,
        GuardSettings,
        PlatformGuard,
    )


class GuardBindingQuerySet(models.QuerySet["GuardBinding"]):
    """Bindings of projects are their editors', mandatory ones the platform administrators'."""

    def visible_to(self, actor: Actor) -> "GuardBindingQuerySet":
        """Those of editable projects, and the mandatory ones that stand before such a project."""
        if actor.is_platform_admin:
            return self
        editable = Project.objects.editable_by(actor)
        mine = Q(project__in=editable) | Q(team__in=editable.values("team_id"))
        if editable.exists():
            mine |= Q(is_for_all=True)
        return self.filter(mine)

    def editable_by(self, actor: Actor) -> "GuardBindingQuerySet":
        """Those of editable projects; the mandatory ones for platform administrators alone."""
        if actor.is_platform_admin:
            return self
        return self.filter(project__in=Project.objects.editable_by(actor))

    def applying_to(self, project_id: int | None, team_id: int | None) -> "GuardBindingQuerySet":
        """Return what stands before calls of a project, or of a team's models by name."""
        applying = Q(is_for_all=True) | Q(team_id=team_id, team__isnull=False)
        if project_id is not None:
            applying |= Q(project_id=project_id)
        return self.filter(applying)


class PlatformGuardQuerySet(models.QuerySet["PlatformGuard"]):
    """Guards for every team: seen by those who bind guards, named by platform administrators."""

    def visible_to(self, actor: Actor) -> "PlatformGuardQuerySet":
        """All, for whoever edits any project or runs any team; else none."""
        if actor.is_platform_admin:
            return self
        editable = Project.objects.editable_by(actor).exists()
        return self if editable or Team.objects.editable_by(actor).exists() else self.none()

    def editable_by(self, actor: Actor) -> "PlatformGuardQuerySet":
        """All for platform administrators."""
        return self if actor.is_platform_admin else self.none()


class GuardSettingsQuerySet(models.QuerySet["GuardSettings"]):
    """What projects say of what was blocked: with the project."""

    def visible_to(self, actor: Actor) -> "GuardSettingsQuerySet":
        """Those of every project that is visible."""
        return self.filter(project__in=Project.objects.visible_to(actor))

    def editable_by(self, actor: Actor) -> "GuardSettingsQuerySet":
        """Those of every project that is editable."""
        return self.filter(project__in=Project.objects.editable_by(actor))


class GuardEventQuerySet(models.QuerySet["GuardEvent"]):
    """Findings: for whoever edits the project, and for the team's admins."""

    def visible_to(self, actor: Actor) -> "GuardEventQuerySet":
        """All for platform administrators; else of editable projects, and of teams one runs."""
        if actor.is_platform_admin:
            return self
        editable = Q(project__in=Project.objects.editable_by(actor))
        run = run_by(actor) & within_limits(actor, project="project_id")
        return self.filter(editable | run)

    def editable_by(self, actor: Actor) -> "GuardEventQuerySet":
        """The same: who sees a finding may review it."""
        return self.visible_to(actor)
