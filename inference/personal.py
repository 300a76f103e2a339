"""What a person has said."""

from collections.abc import Iterator

from accounts.models import User
from accounts.personal.holdings import Held, holds
from inference.models import Conversation, InferenceLog

CALL = (
    *("created_at", "call_id", "surface", "model_name", "outcome", "question", "answer"),
    *("conversation_id", "prompt_tokens", "completion_tokens", "cost"),
)


@holds("conversations")
def conversations(user: User) -> Iterator[Held]:
    """Conversations with all that was said in them."""
    found = Conversation.objects.filter(user=user).select_related("project")
    for row in found.order_by("created_at").iterator():
        said = row.messages.order_by("created_at")
        yield {
            "id": row.pk,
            "project": row.project.name,
            "title": row.title,
            "created_at": row.created_at,
            "messages": list(said.values("id", "parent_id", "role", "content", "created_at")),
        }


@holds("logs")
def logs(user: User) -> Iterator[Held]:
    """The calls of the person in the logs of projects."""
    yield from InferenceLog.objects.filter(user=user).order_by("pk").values(*CALL).iterator()
