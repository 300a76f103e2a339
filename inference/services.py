"""What people can do to their conversations."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from audit.services import record
from inference.logs.forgetting import forget_conversations
from inference.models import Conversation
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, NotFound

EDITABLE_FIELDS = ("title", "pinned")
CLOSED = "This project keeps no conversations any more; this one can be read and deleted."


@transaction.atomic
def update_conversation(
    conversation: Conversation, values: Mapping[str, Any], *, actor: Actor
) -> Conversation:
    """Rename or pin a conversation. Raises NotFound for somebody else's.

    Raises Conflict where the project has ceased to keep conversations: nothing is added to those
    that it kept before. The trail says which fields changed but not to what: titles are people's
    own words.
    """
    conversation = _lock(conversation, actor)
    if not conversation.project.keeps_conversations:
        raise Conflict(CLOSED, code="conversation_closed")
    changed = [
        name
        for name in EDITABLE_FIELDS
        if name in values and getattr(conversation, name) != values[name]
    ]
    for name in changed:
        setattr(conversation, name, values[name])
    if changed:
        conversation.save(update_fields=changed)
        _record(actor, "conversation.update", conversation, dict.fromkeys(changed, "changed"))
    return conversation


@transaction.atomic
def delete_conversation(conversation: Conversation, *, actor: Actor) -> None:
    """Delete a conversation with its messages. Raises NotFound for somebody else's."""
    conversation = _lock(conversation, actor)
    _record(actor, "conversation.delete", conversation, {})
    forget_conversations([conversation.pk])
    conversation.delete()


def _lock(conversation: Conversation, actor: Actor) -> Conversation:
    found = Conversation.objects.editable_by(actor).filter(pk=conversation.pk)
    locked = found.select_related("project").select_for_update(of=("self",)).first()
    if locked is None:
        raise NotFound("There is no such conversation.")
    return locked


def _record(
    actor: Actor, action: str, conversation: Conversation, changes: Mapping[str, Any]
) -> None:
    team_id = conversation.project.team_id
    record(actor, action, conversation, team_id=team_id, changes=changes, name="")
