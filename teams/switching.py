"""Which of their teams somebody works in: a choice that the session remembers, and no right."""

from django.http import HttpRequest

from restai_site.lib.actor import Actor
from restai_site.lib.requests import number_in
from teams.models import Team

KEY = "team"


def chosen_team_id(request: HttpRequest) -> int | None:
    """Return the id that the session remembers; whether the actor sees that team is not asked."""
    return number_in(str(request.session.get(KEY, "")))


def working_team_id(request: HttpRequest, actor: Actor) -> int | None:
    """Return to which team a list is narrowed: by its address, or else by the choice of team.

    `?team=` without a number asks for all. A choice that the actor does not see any more is none.
    """
    if KEY in request.GET:
        return number_in(request.GET[KEY])
    chosen = chosen_team_id(request)
    if chosen is None or not Team.objects.visible_to(actor).filter(pk=chosen).exists():
        return None
    return chosen


def choose_team(request: HttpRequest, team: Team | None) -> None:
    """Remember a team that is visible to the actor; None means all of them."""
    if team is not None:
        request.session[KEY] = team.pk
    elif KEY in request.session:
        del request.session[KEY]
