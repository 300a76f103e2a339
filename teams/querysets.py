"""Which teams and memberships an actor may reach."""

import re
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from restai_site.lib.actor import Actor

if TYPE_CHECKING:
    from accounts.querysets import UserQuerySet
    from teams.models import (  # noqa: F401 - named in the types of the base classes
        Branding,
        GroupMapping,
        Invitation,
        Membership,
        Team,
    )

ADMIN_ROLE = "admin"
PENDING = "pending"
# 16 bytes in URL-safe base64 without padding.
PUBLIC_SLUG = re.compile(r"[A-Za-z0-9_-]{22}")


class TeamQuerySet(models.QuerySet["Team"]):
    """Teams: members see them, team admins run them."""

    def visible_to(self, actor: Actor) -> "TeamQuerySet":
        """Platform administrators see all teams, others those they belong to.

        A key narrowed to a team sees that one alone, a key narrowed to projects none.
        """
        if actor.is_platform_admin:
            return self
        within = self._within_limits(actor)
        return within if actor.reaches_all else within._of(memberships_of(actor))

    def editable_by(self, actor: Actor) -> "TeamQuerySet":
        """Platform administrators run all teams, team admins theirs."""
        if actor.is_platform_admin:
            return self
        return self._within_limits(actor)._of(admin_memberships_of(actor))

    def with_branding(self) -> "TeamQuerySet":
        """Bring the branding of each team, without the logo itself."""
        return self.select_related("branding").defer("branding__logo")

    def _within_limits(self, actor: Actor) -> "TeamQuerySet":
        if actor.project_ids is not None:
            return self.none()
        return self if actor.team_id is None else self.filter(pk=actor.team_id)

    def _of(self, memberships: "MembershipQuerySet") -> "TeamQuerySet":
        return self.filter(pk__in=memberships.values("team_id"))


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Memberships: seen by the whole team, changed by its admins."""

    def visible_to(self, actor: Actor) -> "MembershipQuerySet":
        """The memberships of every team that is visible."""
        return self.filter(team__in=_teams().visible_to(actor))

    def editable_by(self, actor: Actor) -> "MembershipQuerySet":
        """The memberships of every team that is editable."""
        return self.filter(team__in=_teams().editable_by(actor))


class BrandingQuerySet(models.QuerySet["Branding"]):
    """Brandings: seen by the whole team, changed by its admins."""

    def visible_to(self, actor: Actor) -> "BrandingQuerySet":
        """The branding of every team that is visible."""
        return self.filter(team__in=_teams().visible_to(actor))

    def editable_by(self, actor: Actor) -> "BrandingQuerySet":
        """The branding of every team that is editable."""
        return self.filter(team__in=_teams().editable_by(actor))

    def called(self, public_slug: str) -> "BrandingQuerySet":
        """What whoever has been told the slug may see; without the logo itself."""
        fits = PUBLIC_SLUG.fullmatch(public_slug)
        return self.filter(public_slug=public_slug).defer("logo") if fits else self.none()


class GroupMappingQuerySet(models.QuerySet["GroupMapping"]):
    """Group mappings: platform administrators only."""

    def visible_to(self, actor: Actor) -> "GroupMappingQuerySet":
        """Platform administrators see all, others none."""
        return self if actor.is_platform_admin else self.none()

    def editable_by(self, actor: Actor) -> "GroupMappingQuerySet":
        """As `visible_to`."""
        return self.visible_to(actor)


class AbstractInvitationQuerySet(models.QuerySet[Any]):
    """Invitations: their senders' side by subclasses, the side of those invited here."""

    # The column of the team whose admins send them.
    team_column: ClassVar[str]

    def holding(self) -> Self:
        """Those that can be answered: pending, in time, from somebody who may still invite."""
        open_ones = self.filter(state=PENDING, expires_at__gt=timezone.now())
        acts = Q(invited_by__is_active=True, invited_by__is_restricted=False)
        runs = _admins_of(team=self.team_column, user="invited_by_id")
        return open_ones.filter(acts, Q(invited_by__is_platform_admin=True) | Exists(runs))

    def addressed_to(self, actor: Actor) -> Self:
        """Those that the actor may answer; to narrowed credentials none are shown."""
        if actor.user_id is None or actor.is_narrowed:
            return self.none()
        from accounts.models import User

        own = User.objects.filter(pk=actor.own_id, is_active=True)
        return self.holding().filter(email__in=own.values("email"))


class InvitationQuerySet(AbstractInvitationQuerySet):
    """Invitations to teams: addresses of strangers, so for the team's admins alone."""

    team_column = "team_id"

    def visible_to(self, actor: Actor) -> "InvitationQuerySet":
        """The invitations to every team that is editable."""
        return self.filter(team__in=_teams().editable_by(actor))

    def editable_by(self, actor: Actor) -> "InvitationQuerySet":
        """The same: who sees an invitation may revoke it."""
        return self.visible_to(actor)


def _admins_of(*, team: str, user: str) -> "MembershipQuerySet":
    """Return the memberships by which the user in one outer column runs the team in another."""
    from teams.models import Membership

    return Membership.objects.filter(
        team_id=OuterRef(team), user_id=OuterRef(user), role=ADMIN_ROLE
    )


def memberships_of(actor: Actor) -> "MembershipQuerySet":
    """Return the actor's own memberships; where a credential is narrowed, its owner's."""
    from teams.models import Membership

    return Membership.objects.filter(user_id=actor.own_id)


def admin_memberships_of(actor: Actor) -> "MembershipQuerySet":
    """Return the memberships by which the actor runs a team.

    The narrowed key of a platform administrator runs none: it is an editor's at most.
    """
    found = memberships_of(actor).filter(role=ADMIN_ROLE)
    return found.none() if actor.reaches_all else found


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
