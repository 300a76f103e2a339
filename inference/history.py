"""Conversations: what is kept of a turn before the model is called, and what the model is told."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.services import record
from catalog.tokens import CHARACTERS_PER_TOKEN
from inference.bodies import ChatBody
from inference.calls import Turn
from inference.models import Conversation, Message
from inference.targets import ProjectTarget
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Forbidden, Invalid, NotFound

TITLE_LENGTH = 60
TOKENS_PER_MESSAGE = 8
# Of a conversation whose first question waits for the input guards, or was blocked by them.
UNTITLED = "New conversation"
# A message of these is followed by none, and a question of these is not asked again.
UNUSABLE = frozenset({Message.Status.FAILED, Message.Status.HELD})
UNASKABLE = frozenset({Message.Status.HELD, Message.Status.BLOCKED})
# The share of the context window that is left for the answer.
ANSWER_SHARE = 4

NOT_KEPT = (
    "This project keeps no conversations, so none can be continued. Begin a new one; programs send "
    "the earlier turns as “history”."
)
KEPT = (
    "This project keeps conversations, so it takes no “history”. Leave it out and send the "
    "conversation_id; on a page, reload it."
)

Row = tuple[UUID, UUID | None, str, str, str]


def begin_turn(
    project: ProjectTarget, body: ChatBody, *, actor: Actor, is_held: bool = False
) -> tuple[Turn, list[dict[str, Any]]]:
    """Keep what the person said; return the turn and the messages the model is to see.

    With `is_held` a place is made for it, and the text is kept by `release_question`. Call it
    inside the transaction that holds the project. Raises Forbidden for actors that are not people,
    NotFound for a conversation or message that is not the actor's, Invalid for a history.
    """
    if body.history is not None:
        # Also an empty one: whoever sends it has been told that nothing is kept.
        raise Invalid(KEPT, code="history_refused", fields={"history": [KEPT]})
    conversation = _conversation(project, body, actor, is_held=is_held)
    rows = _rows(conversation)
    parent_id = _question(rows, body) if body.regenerate_message_id else _last(rows)
    if body.regenerate_message_id is None:
        asked = Message.objects.create(
            conversation=conversation,
            parent_id=parent_id,
            role="user",
            content="" if is_held else body.message,
            status=Message.Status.HELD if is_held else Message.Status.COMPLETE,
        )
        rows[asked.pk] = (asked.pk, parent_id, "user", body.message, "complete")
        parent_id = asked.pk
    Conversation.objects.filter(pk=conversation.pk).update(updated_at=timezone.now())
    assert parent_id is not None  # noqa: S101  the question was found or has just been made
    turn = Turn(conversation.pk, conversation.title, parent_id, uuid4())
    if is_held and body.regenerate_message_id is None:
        turn.question, turn.is_new = body.message, body.conversation_id is None
    told = [row[2:4] for row in _chain(rows, parent_id) if row[4] != Message.Status.BLOCKED]
    return turn, _fitting(told, project)


@transaction.atomic
def release_question(turn: Turn, guarding: dict[str, object] | None) -> None:
    """Keep what the person said, now that the input guards have let it pass, as they let it pass.

    `guarding` is what they have to say of it. Nothing is kept where the conversation is gone.
    """
    assert turn.question is not None  # noqa: S101  it was held
    held = Message.objects.filter(pk=turn.user_message_id, status=Message.Status.HELD)
    held.update(content=turn.question, status=Message.Status.COMPLETE, guarding=guarding)
    if turn.is_new:
        turn.title = title_of(turn.question)
        own = Conversation.objects.filter(pk=turn.conversation_id, title=UNTITLED)
        own.update(title=turn.title)


def unkept_turn(project: ProjectTarget, body: ChatBody) -> list[dict[str, Any]]:
    """Return the messages the model is to see where nothing is kept: the sender tells them all.

    Raises Invalid for a conversation or message that is named.
    """
    for name in ("conversation_id", "regenerate_message_id"):
        if getattr(body, name) is not None:
            raise Invalid(NOT_KEPT, code="conversation_not_kept", fields={name: [NOT_KEPT]})
    return _fitting([*(body.history or []), ("user", body.message)], project)


def title_of(message: str) -> str:
    """Return a title for a conversation that begins with `message`: its first words."""
    words = " ".join(message.split())
    return words if len(words) <= TITLE_LENGTH else words[: TITLE_LENGTH - 1].rstrip() + "…"


def thread_of(messages: QuerySet[Message]) -> list[Message]:
    """Return the messages of one conversation that lead to the newest, oldest first.

    Answers that another one has taken the place of are not among them.
    """
    by_id = {message.pk: message for message in messages.order_by("created_at")}
    thread: list[Message] = []
    at = next(reversed(by_id.values()), None)
    while at is not None:
        thread.append(at)
        at = by_id.get(at.parent_id) if at.parent_id else None
    return thread[::-1]


def _conversation(
    project: ProjectTarget, body: ChatBody, actor: Actor, *, is_held: bool
) -> Conversation:
    if body.conversation_id is None:
        made = Conversation.objects.create(
            project_id=project.id,
            user_id=None if actor.visitor_id else _person(actor),
            visitor_id=actor.visitor_id,
            title=UNTITLED if is_held else title_of(body.message),
        )
        # The title is the person's own words, which the trail does not hold.
        record(actor, "conversation.create", made, team_id=project.team_id, name="")
        return made
    found = (
        Conversation.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .filter(pk=body.conversation_id, project_id=project.id)
        .first()
    )
    if found is None:
        raise NotFound("There is no such conversation.")
    return found


def _person(actor: Actor) -> int:
    if actor.user_id is None:
        raise Forbidden("Conversations belong to people.")
    return actor.user_id


def _rows(conversation: Conversation) -> dict[UUID, Row]:
    rows = conversation.messages.values_list("pk", "parent_id", "role", "content", "status")
    return {row[0]: row for row in rows.order_by("created_at")}


def _last(rows: dict[UUID, Row]) -> UUID | None:
    """Return the newest message that the next one may follow: none that failed or is held."""
    usable = [pk for pk, row in rows.items() if row[4] not in UNUSABLE]
    return usable[-1] if usable else None


def _question(rows: dict[UUID, Row], body: ChatBody) -> UUID:
    answer = rows.get(body.regenerate_message_id)  # type: ignore[arg-type]
    asked = None if answer is None or answer[1] is None else rows[answer[1]]
    if answer is None or answer[2] != "assistant" or asked is None or asked[4] in UNASKABLE:
        raise NotFound("There is no such answer to regenerate.")
    return asked[0]


def _chain(rows: dict[UUID, Row], leaf: UUID) -> list[Row]:
    chain: list[Row] = []
    at: UUID | None = leaf
    while at is not None:
        row = rows[at]
        chain.append(row)
        at = row[1]
    return chain[::-1]


def _fitting(turns: Sequence[tuple[str, str]], project: ProjectTarget) -> list[dict[str, Any]]:
    """Drop the oldest turns that would not fit the model's context window."""
    window = project.context_window
    answer = min(project.max_tokens or window // ANSWER_SHARE, window // 2)
    left = (window - answer) * CHARACTERS_PER_TOKEN - len(project.system_prompt)
    kept: list[dict[str, Any]] = []
    for role, content in reversed(turns):
        left -= len(content) + TOKENS_PER_MESSAGE * CHARACTERS_PER_TOKEN
        if kept and left < 0:
            break
        kept.append({"role": role, "content": content})
    kept.reverse()
    # A history that begins with an answer confuses models; begin with a question.
    while len(kept) > 1 and kept[0]["role"] != "user":
        kept.pop(0)
    return kept
