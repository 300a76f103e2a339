"""Who may read what the audit trail says of a team, where the platform allows it."""

from typing import Any

from django.db.models import QuerySet

from audit.readers import reader
from restai_site.lib.actor import Actor
from teams.models import Team


@reader
def run_by(actor: Actor) -> QuerySet[Any, Any]:
    """Return the ids of the teams that the actor runs."""
    return Team.objects.editable_by(actor).order_by().values_list("pk", flat=True)
