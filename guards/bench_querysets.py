"""Which sets, runs and results of the test bench an actor may see and change."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q, QuerySet

from projects.models import Project
from restai_site.lib.actor import CHAT, Actor
from teams.models import Team

if TYPE_CHECKING:
    from guards.models import (  # noqa: F401 - named in the types of the bases
        GuardCase,
        GuardResult,
        GuardRun,
        GuardSet,
    )


def bench_teams(actor: Actor) -> QuerySet[Team]:
    """Return the teams on whose bench the actor works: where they edit a project, or run the team.

    A key that is for chats alone works on none.
    """
    if actor.scope == CHAT:
        return Team.objects.none()
    if actor.is_platform_admin:
        return Team.objects.all()
    edited = Project.objects.editable_by(actor).values("team_id")
    run = Team.objects.editable_by(actor).values("pk")
    return Team.objects.filter(Q(pk__in=edited) | Q(pk__in=run))


class GuardSetQuerySet(models.QuerySet["GuardSet"]):
    """Sets of a team are for those who work on its bench, shipped ones for all of those."""

    def visible_to(self, actor: Actor) -> "GuardSetQuerySet":
        """Those of the actor's benches, and the shipped ones for whoever has a bench."""
        teams = bench_teams(actor)
        mine = Q(team__in=teams)
        return self.filter(mine | Q(team__isnull=True) if teams.exists() else mine)

    def editable_by(self, actor: Actor) -> "GuardSetQuerySet":
        """Those of the actor's benches; nobody changes what is shipped."""
        return self.filter(team__in=bench_teams(actor))

    def usable_by_team(self, team_id: int) -> "GuardSetQuerySet":
        """Return what a team may run guards over: its own sets and the shipped ones."""
        return self.filter(Q(team_id=team_id) | Q(team__isnull=True))


class GuardCaseQuerySet(models.QuerySet["GuardCase"]):
    """Cases go with their set."""

    def visible_to(self, actor: Actor) -> "GuardCaseQuerySet":
        """Those of visible sets."""
        return self.filter(set__in=_sets().visible_to(actor))

    def editable_by(self, actor: Actor) -> "GuardCaseQuerySet":
        """Those of editable sets."""
        return self.filter(set__in=_sets().editable_by(actor))


class GuardRunQuerySet(models.QuerySet["GuardRun"]):
    """Runs of a team are for those who work on its bench."""

    def visible_to(self, actor: Actor) -> "GuardRunQuerySet":
        """Those of the actor's benches."""
        return self.filter(team__in=bench_teams(actor))

    def editable_by(self, actor: Actor) -> "GuardRunQuerySet":
        """The same: who sees a run may cancel, rename and delete it."""
        return self.visible_to(actor)


class GuardResultQuerySet(models.QuerySet["GuardResult"]):
    """Results go with their run."""

    def visible_to(self, actor: Actor) -> "GuardResultQuerySet":
        """Those of visible runs."""
        return self.filter(run__team__in=bench_teams(actor))

    def editable_by(self, actor: Actor) -> "GuardResultQuerySet":
        """None: a result is what a guard has said."""
        return self.none()


def _sets() -> GuardSetQuerySet:
    from guards.models import GuardSet

    return GuardSet.objects.all()
