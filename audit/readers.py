"""Whose entries others than platform administrators may read. The apps above say it.

An app declares it in its module `audit_readers.py`:

    @reader
    def run_by(actor: Actor) -> QuerySet[Any, Any]:
        return Team.objects.editable_by(actor).values_list("pk", flat=True)
"""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from audit.sections import AuditSection
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import current

Find = Callable[[Actor], QuerySet[Any, Any]]
_readers: list[Find] = []


def reader(find: Find) -> Find:
    """Declare a function that finds the ids of the teams whose entries an actor may read."""
    _readers.append(find)
    return find


def team_ids(actor: Actor) -> list[int]:
    """Return the ids of the teams whose entries the actor may read; none unless it is allowed."""
    if not current(AuditSection).team_admins_read:
        return []
    return sorted({team_id for find in _readers for team_id in find(actor)})


def may_read(actor: Actor) -> bool:
    """Tell whether there is anything of the trail for the actor."""
    return actor.is_platform_admin or bool(team_ids(actor))
