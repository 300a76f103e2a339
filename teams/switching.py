"""Which of their teams somebody works in: a choice that the session remembers, and no right."""

from django.http import HttpRequest

from restai_site.lib.requests import number_in
from teams.models import Team

KEY = "team"


def chosen_team_id(request: HttpRequest) -> int | None:
    """Return the id that the session remembers; whether the actor sees that team is not asked."""
    return number_in(str(request.session.get(KEY, "")))


def choose_team(request: HttpRequest, team: Team | None) -> None:
    """Remember a team that is visible to the actor; None means all of them."""
    if team is not None:
        request.session[KEY] = team.pk
    elif KEY in request.session:
        del request.session[KEY]
