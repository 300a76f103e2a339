"""A visitor whom a website knows is forgotten, when the website or the visitor wants it."""

from collections.abc import Collection
from uuid import UUID

from django.db import transaction

from audit.services import record
from guards.forgetting import forget_calls
from inference.logs.forgetting import forget_conversations
from inference.models import Conversation, InferenceLog, Message
from restai_site.lib.actor import Actor
from restai_site.lib.errors import NotFound
from widget.identity import subject_of
from widget.models import Visitor, Widget
from widget.services import locked_project, locked_widget

UNKNOWN = "Nobody of that name has used this chat, or they are forgotten already."


@transaction.atomic
def forget_visitor(widget: Widget, subject: str, *, actor: Actor) -> int:
    """Delete what a known visitor has said, and that they were here; return of how many chats.

    `subject` is what the website calls them, the claim `sub`. The words of their calls go from the
    log and from findings of guards, the numbers stay. Who it was is not written into the trail.
    Raises Forbidden, and NotFound where nobody of that name has come.
    """
    # What is being asked is waited for; what comes after finds nobody (`sessions.said_of`).
    locked_project(widget.project, actor)
    row = locked_widget(widget, actor)
    # What follows hangs on the widget, which is locked for who may change it.
    visitor = Visitor.objects.filter(widget=row, subject=subject_of(row, subject)).first()
    if visitor is None:
        raise NotFound(UNKNOWN)
    said = Conversation.objects.filter(visitor_id=visitor.pk).order_by("pk")
    ids = list(said.select_for_update().values_list("pk", flat=True))
    forget_calls(_calls_in(ids))
    forget_conversations(ids)
    said.delete()
    visitor.delete()
    changes = {"conversations": {"before": len(ids), "after": 0}}
    record(actor, "widget.forget_visitor", row, team_id=row.project.team_id, changes=changes)
    return len(ids)


def _calls_in(conversations: Collection[UUID]) -> set[UUID]:
    """Return the calls in which something was said; the log may be kept for a shorter time."""
    logged = InferenceLog.objects.filter(conversation__in=conversations)
    counted = Message.objects.filter(conversation__in=conversations, usage__isnull=False)
    return {
        *logged.values_list("call_id", flat=True),
        *counted.values_list("usage__call_id", flat=True),
    }
