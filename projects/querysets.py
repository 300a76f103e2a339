"""Which projects, assignments and secrets an actor may reach."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Exists, OuterRef, Q

from restai_site.lib.actor import CHAT, Actor
from teams.querysets import (
    AbstractInvitationQuerySet,
    admin_memberships_of,
    memberships_of,
)

if TYPE_CHECKING:
    from projects.models import (  # noqa: F401 - named in the types of the base classes
        Project,
        ProjectInvitation,
        ProjectMember,
        ProjectSecret,
    )

EDITOR_ROLE = "editor"
TEAM_VISIBILITY = "team"


class ProjectQuerySet(models.QuerySet["Project"]):
    """Reached through the team, an assignment, or visibility within the team."""

    def visible_to(self, actor: Actor) -> "ProjectQuerySet":
        """All for platform administrators; else run, assigned, or shared within their teams.

        A narrowed key sees what of that is within its limits.
        """
        if actor.is_platform_admin:
            return self
        within = self.filter(within_limits(actor, project="pk"))
        if actor.reaches_all:
            return within
        mine = memberships_of(actor).values("team_id")
        shared = Q(visibility=TEAM_VISIBILITY, team_id__in=mine)
        return within.filter(run_by(actor) | _assigned_to(actor) | shared)

    def editable_by(self, actor: Actor) -> "ProjectQuerySet":
        """All for platform administrators; else run by the team's admin or assigned as editor.

        None for a key that is for chats alone: whoever holds it uses projects as a viewer does.
        """
        if actor.scope == CHAT:
            return self.none()
        if actor.is_platform_admin:
            return self
        within = self.filter(within_limits(actor, project="pk"))
        if actor.reaches_all:
            return within
        return within.filter(run_by(actor) | _assigned_to(actor, EDITOR_ROLE))

    def with_rights(self, actor: Actor) -> "ProjectQuerySet":
        """Add `is_editable`: whether the actor may edit the project."""
        editable = _projects().editable_by(actor).filter(pk=OuterRef("pk"))
        annotated: ProjectQuerySet = self.annotate(is_editable=Exists(editable))
        return annotated

    def managed_by(self, actor: Actor) -> "ProjectQuerySet":
        """Where the actor decides who has access: platform and team admins."""
        if actor.is_platform_admin:
            return self
        return self.filter(run_by(actor), within_limits(actor, project="pk"))


class ProjectMemberQuerySet(models.QuerySet["ProjectMember"]):
    """Assignments: seen and changed by whoever manages the project."""

    def visible_to(self, actor: Actor) -> "ProjectMemberQuerySet":
        """The assignments of every project that is editable."""
        return self.filter(project__in=_projects().editable_by(actor))

    def editable_by(self, actor: Actor) -> "ProjectMemberQuerySet":
        """The assignments of every project that is managed."""
        return self.filter(project__in=_projects().managed_by(actor))


class ProjectInvitationQuerySet(AbstractInvitationQuerySet):
    """Invitations to projects: for whoever decides on access, not for editors."""

    team_column = "project__team_id"

    def visible_to(self, actor: Actor) -> "ProjectInvitationQuerySet":
        """The invitations to every project that is managed."""
        return self.filter(project__in=_projects().managed_by(actor))

    def editable_by(self, actor: Actor) -> "ProjectInvitationQuerySet":
        """The same: who sees an invitation may withdraw it."""
        return self.visible_to(actor)


class ProjectSecretQuerySet(models.QuerySet["ProjectSecret"]):
    """Secrets: even their names are for those alone who edit the project."""

    def visible_to(self, actor: Actor) -> "ProjectSecretQuerySet":
        """The secrets of every project that is editable."""
        return self.filter(project__in=_projects().editable_by(actor))

    def editable_by(self, actor: Actor) -> "ProjectSecretQuerySet":
        """The same: who may see that a secret is there may replace and delete it."""
        return self.visible_to(actor)

    def without_values(self) -> "ProjectSecretQuerySet":
        """Leave the values in the database: nothing that shows secrets has a use for them."""
        return self.defer("value").select_related("set_by")


def within_limits(actor: Actor, *, project: str) -> Q:
    """Return the condition that a narrowed credential adds; `project` names the column."""
    within = Q()
    if actor.project_ids is not None:
        within &= Q(**{f"{project}__in": actor.project_ids})
    if actor.team_id is not None:
        within &= Q(team_id=actor.team_id)
    return within


def run_by(actor: Actor) -> Q:
    """Return the condition for what belongs to a team that the actor runs."""
    return Q(team_id__in=admin_memberships_of(actor).values("team_id"))


def _assigned_to(actor: Actor, role: str | None = None) -> Q:
    from projects.models import ProjectMember

    assigned = ProjectMember.objects.filter(user_id=actor.own_id)
    if role:
        assigned = assigned.filter(role=role)
    return Q(pk__in=assigned.values("project_id"))


def _projects() -> ProjectQuerySet:
    from projects.models import Project

    return Project.objects.all()
