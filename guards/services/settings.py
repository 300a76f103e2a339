"""What a project says in place of what a guard has blocked."""

from django.db import transaction

from audit.services import changes_of, record
from guards.models import GuardSettings
from guards.models.bindings import MESSAGE_MAX_LENGTH
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Forbidden, Invalid

TOO_LONG = f"Use at most {MESSAGE_MAX_LENGTH} characters, and no NUL."


@transaction.atomic
def set_censorship_message(project: Project, text: str, *, actor: Actor) -> GuardSettings:
    """Set the words of a project; empty: the platform's. Raises Forbidden, Invalid."""
    if not Project.objects.editable_by(actor).filter(pk=project.pk).exists():
        raise Forbidden("Only editors of the project may do this.")
    text = text.strip()
    if len(text) > MESSAGE_MAX_LENGTH or "\0" in text:
        raise Invalid(TOO_LONG, fields={"censorship_message": [TOO_LONG]})
    kept, _ = GuardSettings.objects.select_for_update().get_or_create(project=project)
    changes = changes_of(kept, {"censorship_message": text})
    kept.censorship_message = text
    if changes:
        kept.save(update_fields=["censorship_message"])
    record(actor, "guard.message", kept, team_id=project.team_id, changes=changes)
    return kept
