"""Which of their teams somebody works in: a choice that the session remembers, and no right."""

from django.http import HttpRequest

from accounts.models import Session
from accounts.sessions.lifecycle import store_of
from restai_site.lib.actor import Actor
from restai_site.lib.requests import number_in
from teams.models import Team

PARAMETER = "team"


def chosen_team_id(request: HttpRequest) -> int | None:
    """Return the id that the session remembers; whether the actor sees that team is not asked."""
    row = store_of(request).row
    return row.chosen_team_id if row else None


def working_team_id(request: HttpRequest, actor: Actor) -> int | None:
    """Return to which team a list is narrowed: by its address, or else by the choice of team.

    `?team=` without a number asks for all. A choice that the actor does not see any more is none.
    """
    if PARAMETER in request.GET:
        return number_in(request.GET[PARAMETER])
    chosen = chosen_team_id(request)
    if chosen is None or not Team.objects.visible_to(actor).filter(pk=chosen).exists():
        return None
    return chosen


def choose_team(request: HttpRequest, team: Team | None) -> None:
    """Remember a team that is visible to the actor, whose session this is; None means all."""
    row = store_of(request).row
    if row is not None:
        row.chosen_team_id = team.pk if team else None
        Session.objects.filter(pk=row.pk).update(chosen_team_id=row.chosen_team_id)
