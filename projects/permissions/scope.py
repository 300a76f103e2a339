"""Whose access somebody may look at, and what the address narrows that to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.db import transaction
from django.db.models import Exists, Model, Q

from accounts.models import User
from accounts.querysets import UserQuerySet
from audit.services import record
from projects.models import Project, ProjectMember
from projects.permissions.effective import LEVELS, Area, Level, users_in
from projects.querysets import ProjectQuerySet
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Forbidden, Invalid
from restai_site.lib.requests import number_in
from restai_site.ui.tables import clean_query
from teams.models import Membership, Team
from teams.querysets import TeamQuerySet

FOR_ADMINS = "Who reaches what is shown to platform administrators, and to admins of a team theirs."
NARROWED = "This key is narrowed to a part of what its owner reaches; use one that is not."
FLAGS = {
    "admin": Q(is_platform_admin=True),
    "restricted": Q(is_restricted=True),
    "suspended": Q(is_active=False),
}
IDS = ("team", "user", "project")


@dataclass(frozen=True)
class Scope:
    """What an actor may know of the access of others.

    `team_ids` are the teams that a team admin runs; None stands for everything, which is for
    platform administrators. Of a user who is in other teams as well, only what is theirs in
    `team_ids` is known.
    """

    team_ids: tuple[int, ...] | None

    @classmethod
    def of(cls, actor: Actor) -> "Scope":
        """Return the scope of `actor`. At most one query.

        Raises Forbidden where there is none, and for narrowed keys, whose limits are projects.
        """
        if actor.is_platform_admin:
            return cls(None)
        if actor.is_narrowed:
            raise Forbidden(NARROWED)
        ids = Team.objects.editable_by(actor).order_by("pk").values_list("pk", flat=True)
        if not ids:
            raise Forbidden(FOR_ADMINS)
        return cls(tuple(ids))

    @classmethod
    def still_of(cls, actor: Actor) -> "Scope":
        """As `of`, for answers that take long: asks again whether the platform role is held.

        Raises Forbidden.
        """
        role = User.objects.filter(pk=actor.own_id, is_platform_admin=True, is_active=True)
        if actor.is_platform_admin and not actor.is_system and not role.exists():
            raise Forbidden(FOR_ADMINS)
        return cls.of(actor)

    def users(self) -> UserQuerySet:
        """Everybody; to team admins whoever is in their teams or was added to a project there."""
        people: UserQuerySet = User.objects.all()
        return people if self.team_ids is None else people.filter(_in_teams(self.team_ids))

    def projects(self) -> ProjectQuerySet:
        found: ProjectQuerySet = Project.objects.all()
        return found if self.team_ids is None else found.filter(team__in=self.team_ids)

    def teams(self) -> TeamQuerySet:
        found: TeamQuerySet = Team.objects.all()
        return found if self.team_ids is None else found.filter(pk__in=self.team_ids)


@dataclass(frozen=True)
class Filters:
    """What the address asks for; ids of what is not there, or is somebody else's, find nothing."""

    team: int | None = None
    user: int | None = None
    project: int | None = None
    q: str = ""
    access: Level | None = None
    flag: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str], *, is_strict: bool) -> "Filters":
        """Read the filters in `query`.

        What makes no sense raises Invalid where the question is strict, and is else left out.
        """
        given = {name: query.get(name, "") for name in (*IDS, "access", "flag")}
        ids = {name: number_in(given[name]) for name in IDS}
        wrong = {name: "Send an id." for name in IDS if given[name] and ids[name] is None}
        for name, known in (("access", LEVELS), ("flag", FLAGS)):
            if given[name] and given[name] not in known:
                wrong[name] = f"Choose one of {', '.join(known)}."
        if wrong and is_strict:
            fields = {name: [message] for name, message in wrong.items()}
            raise Invalid("Some filters need attention.", fields=fields)
        return cls(
            **ids,
            q=clean_query(query.get("q", "")),
            access=LEVELS.get(given["access"]),
            flag=given["flag"] if given["flag"] in FLAGS else "",
        )

    def told(self) -> dict[str, Any]:
        """Return what was asked for, as the audit trail tells it."""
        asked = {name: getattr(self, name) for name in (*IDS, "q", "flag")}
        asked["access"] = None if self.access is None else self.access.word
        return {name: value for name, value in asked.items() if value not in {None, ""}}


@dataclass(frozen=True)
class Selection:
    """The part of a scope that is asked for."""

    scope: Scope
    filters: Filters

    @cached_property
    def area(self) -> Area:
        """The pairs that are meant. No query."""
        teams, chosen = self.scope.team_ids, self.filters.team
        if chosen is not None:
            teams = (chosen,) if teams is None or chosen in teams else ()
        return Area(team_ids=teams, project_id=self.filters.project, level=self.filters.access)

    def projects(self) -> ProjectQuerySet:
        """The projects of the area."""
        found, asked = self.scope.projects(), self.filters
        if asked.team is not None:
            found = found.filter(team=asked.team)
        return found if asked.project is None else found.filter(pk=asked.project)

    def matching(self) -> UserQuerySet:
        """The users in scope with these ids, words and flags, whatever they reach."""
        people, asked = self.scope.users(), self.filters
        if asked.user is not None:
            people = people.filter(pk=asked.user)
        if asked.q:
            people = people.filter(Q(name__icontains=asked.q) | Q(email__icontains=asked.q))
        return people.filter(FLAGS[asked.flag]) if asked.flag else people

    def users(self) -> UserQuerySet:
        """Those of `matching` who have to do with the team and the project, and at that level.

        The level "none" finds who reaches nothing of what is asked for.
        """
        people, asked, area = self.matching(), self.filters, self.area
        any_level = replace(area, level=None)
        if asked.project is not None:
            there = self.scope.projects().filter(pk=asked.project)
            people = people.filter(Exists(there))
        if asked.team is not None:
            reaching = users_in(Area(team_ids=area.team_ids))
            people = people.filter(_in_teams(area.team_ids or ()) | Q(pk__in=reaching))
        if asked.access == Level.NONE:
            return people.exclude(pk__in=users_in(any_level, at_least=Level.USE))
        if asked.access is not None:
            return people.filter(pk__in=users_in(area))
        return people if asked.project is None else people.filter(pk__in=users_in(any_level))


@transaction.atomic
def note(
    actor: Actor, action: str, selection: Selection, target: Model | type[Model] = User
) -> None:
    """Record that somebody looks at the access of others, and what they asked for."""
    teams, chosen = selection.scope.team_ids, selection.filters.team
    if teams is not None:
        # A number that somebody has typed is no team of theirs.
        chosen = chosen if chosen in teams else teams[0] if len(teams) == 1 else None
    record(actor, action, target, team_id=chosen, changes=selection.filters.told())


def _in_teams(team_ids: Sequence[int]) -> Q:
    """Return the condition on users that they are in one of the teams, or in a project of one."""
    members = Membership.objects.filter(team__in=team_ids).values("user_id")
    assigned = ProjectMember.objects.filter(project__team__in=team_ids).values("user_id")
    return Q(pk__in=members) | Q(pk__in=assigned)
