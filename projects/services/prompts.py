"""What can be done to the prompts of projects: each change is kept as a version."""

from django.db import transaction
from django.db.models import Max

from audit.services import record
from projects.models import Project, PromptVersion
from projects.services.rules import locked_project
from restai_site.lib.actor import Actor


@transaction.atomic
def set_prompt(
    project: Project, text: str, *, note: str = "", actor: Actor
) -> PromptVersion | None:
    """Set the system prompt and keep it as a new version; None when the text is unchanged."""
    project = locked_project(project, actor)
    if text == project.system_prompt:
        return None
    project.system_prompt = text
    project.save(update_fields=["system_prompt", "updated_at"])
    version = add_version(project, note=note, actor=actor)
    record(
        actor,
        "project.prompt",
        project,
        team_id=project.team_id,
        changes={"version": version.number, "note": note},
    )
    return version


def restore_prompt(version: PromptVersion, *, actor: Actor) -> PromptVersion | None:
    """Make the text of an older version the prompt again, as a new version."""
    note = f"Restored version {version.number}"
    return set_prompt(version.project, version.text, note=note, actor=actor)


def add_version(project: Project, *, note: str, actor: Actor) -> PromptVersion:
    # The project's row is locked (or new), so the number is free.
    last = project.prompt_versions.aggregate(last=Max("number"))["last"] or 0
    return PromptVersion.objects.create(
        project=project,
        number=last + 1,
        text=project.system_prompt,
        note=note,
        author_id=actor.user_id,
    )
