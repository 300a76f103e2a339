"""The last stage: one hop to the database that keeps what the call has cost and said."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from catalog.prices import cost
from catalog.tokens import count_messages, count_text
from inference.calls import Answer, Call
from inference.models import Conversation, Message
from projects.models import UsageRecord

STATUS_OF_OUTCOME = {"completed": "complete", "cancelled": "cancelled"}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a call has used."""

    prompt_tokens: int
    completion_tokens: int
    cost: Decimal
    latency_ms: int
    first_token_ms: int | None
    outcome: str

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
    """Write the usage record and, in a conversation, the answer; both or neither.

    The provider's own figures are used where it gave them, else a tokenizer's.
    """
    prompt_tokens, completion_tokens, source = _tokens(call, answer)
    receipt = Receipt(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cost=cost(
            prompt_tokens,
            completion_tokens,
            call.input_price_per_million,
            call.output_price_per_million,
        ),
        latency_ms=call.elapsed_ms(),
        first_token_ms=answer.first_token_ms,
        outcome=outcome,
    )
    if call.turn is None:
        _write_usage(call, receipt, source)
    else:
        with transaction.atomic():
            _write_message(call, answer, outcome, _write_usage(call, receipt, source))
    return receipt


def _tokens(call: Call, answer: Answer) -> tuple[int, int, str]:
    if answer.usage is not None:
        return answer.usage.prompt_tokens, answer.usage.completion_tokens, "provider"
    if call.request is None:
        return sum(map(count_text, call.inputs)), 0, "tokenizer"
    return count_messages(call.request.messages), count_text(answer.text), "tokenizer"


def _write_usage(call: Call, receipt: Receipt, source: str) -> UsageRecord:
    return UsageRecord.objects.create(
        project_id=call.project_id,
        team_id=call.team_id,
        user_id=call.actor.user_id,
        api_key_id=call.actor.api_key_id,
        model_name=call.model_name,
        kind=call.kind,
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


def _write_message(call: Call, answer: Answer, outcome: str, usage: UsageRecord) -> None:
    turn = call.turn
    # The conversation may have been deleted while the model spoke: then there is nothing to keep.
    if turn is None or not _lock_conversation(turn.conversation_id):
        return
    Message.objects.create(
        pk=turn.message_id,
        conversation_id=turn.conversation_id,
        parent_id=turn.user_message_id,
        role="assistant",
        content=answer.text.replace("\0", ""),
        status=STATUS_OF_OUTCOME.get(outcome, "failed"),
        usage=usage,
    )


def _lock_conversation(conversation_id: UUID) -> bool:
    found = Conversation.objects.filter(pk=conversation_id).select_for_update(no_key=True)
    return found.exists()
