"""What can be done to projects themselves."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from accounts.services import keys_narrowed_to, revoke_keys_of_project
from audit.services import changes_of, record
from projects.models import Project
from projects.sections import LoggingSection
from projects.services.prompts import add_version, set_prompt
from projects.services.rules import locked_project, require_grant, require_known, require_managed
from projects.signals import conversations_deleted, project_deleted
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import current
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from teams.models import Team

EDITABLE_FIELDS = frozenset(
    {
        *("name", "description", "llm", "temperature", "top_p", "max_tokens"),
        *("visibility", "inference_logging", "masks_logs"),
    }
)
NAME_TAKEN = "The team already has a project with this name."
STILL_KEPT = "Conversations are deleted here only where inference logging is off; switch it off."


@transaction.atomic
def create_project(team: Team, values: Mapping[str, Any], *, actor: Actor) -> Project:
    """Create a project in a team that the actor runs.

    `values` may hold EDITABLE_FIELDS and `system_prompt`. Raises Forbidden, Invalid (LLM not
    granted), Conflict (name taken).
    """
    if not Team.objects.editable_by(actor).filter(pk=team.pk).exists():
        raise Forbidden("Only admins of the team may create projects in it.")
    require_known(values, EDITABLE_FIELDS | {"system_prompt"})
    require_grant(team, values["llm"])
    values = {"inference_logging": current(LoggingSection).new_projects, **values}
    project = Project(team=team, created_by_id=actor.user_id, **values)
    save_project(project)
    add_version(project, note="First version", actor=actor)
    changes = {name: values[name] for name in values if name != "system_prompt"}
    record(actor, "project.create", project, team_id=team.pk, changes=changes)
    return project


@transaction.atomic
def update_project(
    project: Project,
    values: Mapping[str, Any],
    *,
    delete_conversations: bool = False,
    actor: Actor,
) -> Project:
    """Change fields of a project; a `system_prompt` among them becomes a new version.

    `delete_conversations` also deletes everybody's stored conversations with the project, which
    then must keep no new ones. Who sees a project is decided by those who manage it, the rest by
    its editors. Raises Forbidden, Invalid (LLM not granted, conversations still kept), Conflict
    (name taken).
    """
    values = dict(values)
    if "system_prompt" in values:
        set_prompt(project, values.pop("system_prompt"), actor=actor)
    project = locked_project(project, actor)
    require_known(values, EDITABLE_FIELDS)
    changes = changes_of(project, values)
    if "visibility" in changes:
        require_managed(project, actor)
    if "llm" in changes:
        require_grant(project.team, values["llm"])
    for name in changes:
        setattr(project, name, values[name])
    deleted = _delete_conversations(project, actor) if delete_conversations else {}
    if changes:
        save_project(project, [*changes, "updated_at"])
    if changes or deleted:
        shown = {**changes, **deleted}
        record(actor, "project.update", project, team_id=project.team_id, changes=shown)
    return project


@transaction.atomic
def delete_project(project: Project, *, actor: Actor) -> None:
    """Delete a project with its conversations and invitations; the usage ledger stays.

    Keys that reach nothing else are revoked. Raises Forbidden.
    """
    project = locked_project(project, actor)
    require_managed(project, actor)
    revoke_keys_of_project(keys_narrowed_to(project.pk), actor=actor)
    project_deleted.send(Project, project=project, actor=actor)
    record(actor, "project.delete", project, team_id=project.team_id)
    project.delete()


def _delete_conversations(project: Project, actor: Actor) -> dict[str, int]:
    """Delete everybody's conversations and what else is kept of them.

    Returns their numbers as the trail shows them.
    """
    if project.keeps_conversations:
        raise Invalid(STILL_KEPT, fields={"delete_conversations": [STILL_KEPT]})
    # An answer that is being written at this moment holds its conversation. It is waited for here,
    # so that it goes with the others.
    found = list(project.conversations.select_for_update().values_list("pk", flat=True))
    project.conversations.all().delete()
    told: Any = conversations_deleted.send(Project, project=project, actor=actor)
    texts = sum(number for _, number in told if number)
    numbers = {"deleted_conversations": len(found), "deleted_texts": texts}
    return {name: number for name, number in numbers.items() if number}


def save_project(project: Project, fields: list[str] | None = None) -> None:
    """Save a project. Raises Conflict where its team has another one of this name."""
    try:
        with transaction.atomic():
            project.save(update_fields=fields)
    except IntegrityError:
        raise Conflict(NAME_TAKEN, fields={"name": [NAME_TAKEN]}) from None
