"""The teams to which API keys can be narrowed."""

from typing import Any

from django.db.models import QuerySet, Value

from accounts.limits import TEAMS, limit
from restai_site.lib.actor import Actor
from teams.models import Team


@limit(TEAMS)
def teams_of(actor: Actor) -> QuerySet[Any, Any]:
    """Return the teams that the actor sees."""
    visible = Team.objects.visible_to(actor).order_by("name", "pk")
    return visible.values_list("pk", "name", Value(""))
