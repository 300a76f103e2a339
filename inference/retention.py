"""What people said: messages go when they are over, and with the last its conversation."""

from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Left

from inference.history import TITLE_LENGTH, UNTITLED
from inference.models import Conversation, InferenceLog, Message
from projects.retention.kinds import Cut, kept

PATHS = ("conversation__project_id", "conversation__project__team_id")


def purge(cut: Cut, most: int) -> int:
    """Remove messages that are over, and what hangs on them; return how many.

    Later turns stay and begin the conversation; its title is then their first question's, as the
    old one may have been the words of one that is gone.
    """
    over = messages(cut).values_list("pk", "conversation_id")[:most]
    ids, held = _apart(list(over))
    if not ids:
        return 0
    # In the order of their keys, as whoever else writes to several takes them.
    list(
        Conversation.objects.filter(pk__in=held)
        .order_by("pk")
        .select_for_update()
        .values_list("pk")
    )
    Message.objects.filter(parent_id__in=ids).update(parent=None)
    rows = Message.objects.filter(pk__in=ids)
    count = rows._raw_delete(rows.db)
    touched = Conversation.objects.filter(pk__in=held)
    touched.filter(messages=None).delete()
    asked = Message.objects.filter(conversation=OuterRef("pk"), role="user").exclude(content="")
    first = asked.order_by("created_at")
    words = Left(Subquery(first.values("content")[:1]), TITLE_LENGTH)
    touched.update(title=Coalesce(words, Value(UNTITLED)))
    return int(count)


@kept("conversations", "Conversations", by_project=True, purge=purge)
def messages(cut: Cut) -> QuerySet[Message]:
    """Return the messages of before the cut, oldest first."""
    found: QuerySet[Message] = cut.of(Message.objects.filter(created_at__lt=cut.before), *PATHS)
    return found.order_by("created_at")


def _apart(rows: list[tuple[UUID, UUID]]) -> tuple[list[UUID], set[UUID]]:
    return [message for message, _ in rows], {conversation for _, conversation in rows}


@kept("inference_logs", "Inference logs", by_project=True)
def logs(cut: Cut) -> QuerySet[InferenceLog]:
    """Return the rows of projects' logs of before the cut, oldest first."""
    found: QuerySet[InferenceLog] = cut.of(
        InferenceLog.objects.filter(created_at__lt=cut.before), team="project__team_id"
    )
    return found.order_by("created_at")
