"""The last stage: one hop to the database that keeps what the call has cost and said."""

from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction

from catalog.prices import cost
from catalog.tokens import count_messages, count_text
from guards.events import Place, hold, write
from inference.calls import Answer, Call, Turn
from inference.logs.writing import write as write_log
from inference.models import Message
from metering.claims import Spending
from metering.settling import settle
from projects.models import Project

STATUS_OF_OUTCOME = {"completed": "complete", "cancelled": "cancelled", "blocked": "blocked"}
# The project first, then the conversation: the order of whoever switches the logging off and then
# deletes. FOR SHARE, which querysets do not know: answers do not wait for one another.
# And before both the person, whom the log names: whoever deletes them does it in this order.
LOCK_CONVERSATION = """
    WITH person AS MATERIALIZED (
        SELECT id FROM accounts_user WHERE id = %s FOR KEY SHARE
    ), keeping AS MATERIALIZED (
        SELECT id FROM projects_project WHERE id = %s AND inference_logging = %s FOR SHARE
    )
    SELECT 1 FROM inference_conversation AS conversation
    JOIN keeping ON keeping.id = conversation.project_id
    WHERE conversation.id = %s AND (SELECT count(*) FROM person) >= 0
    FOR NO KEY UPDATE OF conversation
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a call has used, and the message that its answer is kept as, if it is."""

    prompt_tokens: int
    completion_tokens: int
    cost: Decimal
    latency_ms: int
    first_token_ms: int | None
    outcome: str
    message_id: UUID | None = None
    # What guards have to say of the question and of the answer; None where none stood there.
    question_guarding: dict[str, object] | None = None
    guarding: dict[str, object] | None = None

    def for_people(self) -> dict[str, object]:
        """Return what the chat shows."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cost": f"{self.cost.normalize():f}",
            "latency_ms": self.latency_ms,
            "first_token_ms": self.first_token_ms,
        }

    def for_openai(self) -> dict[str, int]:
        """Return the `usage` of OpenAI's API."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }


def finish(call: Call, answer: Answer, outcome: str) -> Receipt:
    """Write the ledger, settle with the budgets and, in a conversation still kept, keep the answer.

    It may be tried again after a failure that leaves unclear whether it was done.

    The provider's own figures are used where it gave them, else a tokenizer's.
    """
    prompt_tokens, completion_tokens, source = _tokens(call, answer)
    receipt = Receipt(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cost=_units(call, answer, outcome) * call.unit_price
        + cost(
            prompt_tokens,
            completion_tokens,
            call.input_price_per_million,
            call.output_price_per_million,
        ),
        latency_ms=call.elapsed_ms(),
        first_token_ms=answer.first_token_ms,
        outcome=outcome,
        question_guarding=None if call.guarded is None else call.guarded.for_question,
        guarding=None if call.guarded is None else call.guarded.for_answer,
    )
    if call.turn is None and call.guarded is None:
        settle(_spending(call, receipt, source))
        write_log(call, answer, receipt, None)
        return receipt
    with transaction.atomic():
        return _finish_kept(call, answer, receipt, source)


def _finish_kept(call: Call, answer: Answer, receipt: Receipt, source: str) -> Receipt:
    """Write the ledger together with what the guards have found and the answer."""
    findings = [] if call.guarded is None else list(call.guarded.findings.values())
    place = Place(call.id, call.project_id, call.team_id, call.actor.user_id)
    held = None if call.guarded is None else hold(place, findings)
    is_kept = False
    if call.turn is not None:
        # The conversation before the counters: the order of locks of `prepare`.
        is_kept = _lock_conversation(call, call.turn)
    usage_id = settle(_spending(call, receipt, source))
    if held is not None:
        # Text is kept of calls outside conversations too.
        keeps_text = call.keeps_text if call.turn is None else is_kept
        write(held, findings, keeps_text=keeps_text)
    kept = call.turn if is_kept else None
    write_log(call, answer, receipt, kept.conversation_id if kept else None)
    if call.turn is None or not is_kept:
        return receipt
    _keep_blocked_question(call, call.turn)
    return replace(receipt, message_id=_write_message(call.turn, answer, receipt, usage_id))


def _keep_blocked_question(call: Call, turn: Turn) -> None:
    """Say of a question that was held why nothing of it is kept."""
    if call.guarded is not None and turn.question is not None:
        blocked = call.guarded.blocked
        held = Message.objects.filter(pk=turn.user_message_id, status=Message.Status.HELD)
        status = Message.Status.FAILED if blocked is None else Message.Status.BLOCKED
        held.update(status=status, guarding=call.guarded.for_question)


def _tokens(call: Call, answer: Answer) -> tuple[int, int, str]:
    if answer.usage is not None:
        return answer.usage.prompt_tokens, answer.usage.completion_tokens, "provider"
    if call.request is None:
        return sum(map(count_text, call.inputs)), count_text(answer.said), "tokenizer"
    return count_messages(call.request.messages), count_text(answer.said), "tokenizer"


def _units(call: Call, answer: Answer, outcome: str) -> int:
    """Return how many images or characters to pay for.

    Where it is not known what the provider did, as when the client hung up, it is taken to have
    done all of it; what it has refused or failed at costs nothing.
    """
    if answer.units is not None:
        return answer.units
    return 0 if outcome == "provider_error" else call.units


def _spending(call: Call, receipt: Receipt, source: str) -> Spending:
    return Spending(
        call_id=call.id,
        payer=call.payer,
        model_name=call.model_name,
        kind=call.kind,
        started_at=call.started_at,
        prompt_tokens=receipt.prompt_tokens,
        completion_tokens=receipt.completion_tokens,
        tokens_source=source,
        cost=receipt.cost,
        latency_ms=receipt.latency_ms,
        first_token_ms=receipt.first_token_ms,
        outcome=receipt.outcome,
        streamed=call.streamed,
        request_id=call.actor.request_id,
    )


def _write_message(turn: Turn, answer: Answer, receipt: Receipt, usage_id: int) -> UUID:
    """Write the answer, once: whoever does not know whether it was written may try again."""
    message = Message(
        pk=turn.message_id,
        conversation_id=turn.conversation_id,
        parent_id=turn.user_message_id,
        role="assistant",
        content=answer.text.replace("\0", ""),
        status=STATUS_OF_OUTCOME.get(receipt.outcome, "failed"),
        guarding=receipt.guarding,
        usage_id=usage_id,
    )
    Message.objects.bulk_create([message], ignore_conflicts=True)
    return turn.message_id


def _lock_conversation(call: Call, turn: Turn) -> bool:
    """Lock the conversation, and tell whether it is still there and kept.

    While the model spoke, it may have been deleted or the logging switched off.
    """
    with connection.cursor() as cursor:
        values = [
            call.actor.user_id,
            call.project_id,
            Project.InferenceLogging.FULL.value,
            turn.conversation_id,
        ]
        cursor.execute(LOCK_CONVERSATION, values)
        return cursor.fetchone() is not None
