"""Which teams and memberships an actor may reach."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from restai_site.lib.actor import Actor

if TYPE_CHECKING:
    from accounts.querysets import UserQuerySet
    from teams.models import (  # noqa: F401 - named in the types of the base classes
        GroupMapping,
        Membership,
        Team,
    )

ADMIN_ROLE = "admin"


class TeamQuerySet(models.QuerySet["Team"]):
    """Teams: members see them, team admins run them."""

    def visible_to(self, actor: Actor) -> "TeamQuerySet":
        """Platform administrators see all teams, others those they belong to."""
        if actor.is_platform_admin:
            return self
        return self.filter(pk__in=_memberships(actor).values("team_id"))

    def editable_by(self, actor: Actor) -> "TeamQuerySet":
        """Platform administrators run all teams, team admins theirs."""
        if actor.is_platform_admin:
            return self
        return self.filter(pk__in=_memberships(actor).filter(role=ADMIN_ROLE).values("team_id"))


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Memberships: seen by the whole team, changed by its admins."""

    def visible_to(self, actor: Actor) -> "MembershipQuerySet":
        """The memberships of every team that is visible."""
        return self.filter(team__in=_teams().visible_to(actor))

    def editable_by(self, actor: Actor) -> "MembershipQuerySet":
        """The memberships of every team that is editable."""
        return self.filter(team__in=_teams().editable_by(actor))


class GroupMappingQuerySet(models.QuerySet["GroupMapping"]):
    """Group mappings: platform administrators only."""

    def visible_to(self, actor: Actor) -> "GroupMappingQuerySet":
        """Platform administrators see all, others none."""
        return self if actor.is_platform_admin else self.none()

    def editable_by(self, actor: Actor) -> "GroupMappingQuerySet":
        """As `visible_to`."""
        return self.visible_to(actor)


def _memberships(actor: Actor) -> "MembershipQuerySet":
    from teams.models import Membership

    return Membership.objects.filter(user_id=actor.own_id)


def _teams() -> TeamQuerySet:
    from teams.models import Team

    return Team.objects.all()


def people_known_to(actor: Actor) -> "UserQuerySet":
    """Return whom the actor may name by id: everybody in a team of theirs, and themselves."""
    from accounts.models import User

    people: UserQuerySet = User.objects.all()
    if actor.is_platform_admin:
        return people
    mine = _teams().visible_to(actor)
    return people.filter(Q(memberships__team__in=mine) | Q(pk=actor.own_id)).distinct()
