"""How often a project may be called. Limits of keys and users are set by the services of those."""

from django.db import transaction

from audit.services import changes_of, record
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Forbidden
from restai_site.lib.rate_limit import require_per_minute

FOR_MANAGERS = "Only admins of the team may change the project's limits."


@transaction.atomic
def set_project_rate(project: Project, *, requests_per_minute: int | None, actor: Actor) -> Project:
    """Limit the calls of a project's model, by whomever, to so many a minute; None: no limit.

    It holds from the next call on. Raises Forbidden, Invalid.
    """
    require_per_minute(requests_per_minute)
    locked: Project = Project.objects.select_for_update().get(pk=project.pk)
    if not Project.objects.managed_by(actor).filter(pk=project.pk).exists():
        raise Forbidden(FOR_MANAGERS)
    changes = changes_of(locked, {"requests_per_minute": requests_per_minute})
    if changes:
        locked.requests_per_minute = requests_per_minute
        locked.save(update_fields=["requests_per_minute", "updated_at"])
        record(actor, "project.limit", locked, team_id=locked.team_id, changes=changes)
    return locked
