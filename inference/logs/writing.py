"""Writing the log, at the end of a call.

One statement looks at the project's switch, holds it, and writes: a switch comes wholly before or
wholly after. What the switch does not allow is not even in the row.
"""

import logging
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, connection

from guards.detectors.registry import detector
from guards.spans import masked
from inference.calls import Answer, Call
from projects.models import Project

if TYPE_CHECKING:
    from inference.finish import Receipt

log = logging.getLogger(__name__)

# Longer texts are cut: a log is to look into, and not the only copy of anything.
TEXT_MAX_LENGTH = 100_000
WRITTEN = frozenset({Project.InferenceLogging.FULL, Project.InferenceLogging.METADATA})
WRITE = """
    INSERT INTO inference_inferencelog (
        call_id, project_id, user_id, api_key_id, conversation_id, surface, model_name,
        prompt_tokens, completion_tokens, cost, latency_ms, first_token_ms, outcome, streamed,
        request_id, page, question, answer, created_at
    )
    SELECT %(call_id)s, project.id, %(user_id)s, %(api_key_id)s, %(conversation_id)s, %(surface)s,
        %(model_name)s, %(prompt_tokens)s, %(completion_tokens)s, %(cost)s, %(latency_ms)s,
        %(first_token_ms)s, %(outcome)s, %(streamed)s, %(request_id)s, %(page)s,
        CASE WHEN project.keeps THEN %(question)s ELSE '' END,
        CASE WHEN project.keeps THEN %(answer)s ELSE '' END, now()
    FROM (
        SELECT id, inference_logging = %(full)s AND (%(is_masked)s OR NOT masks_logs) AS keeps
        FROM projects_project
        WHERE id = %(project_id)s AND inference_logging IN (%(full)s, %(metadata)s)
        FOR SHARE
    ) AS project
    WHERE %(is_visitors)s OR EXISTS (SELECT 1 FROM accounts_user WHERE id = %(user_id)s)
    ON CONFLICT (call_id) DO NOTHING
"""


def write(call: Call, answer: Answer, receipt: "Receipt", conversation_id: UUID | None) -> None:
    """Write the row of a call, once; nothing where the project's logging is off.

    `conversation_id` names the conversation that keeps the answer. Whoever was deleted meanwhile
    leaves no row, and a conversation that was none of its words.
    """
    if call.project_id is None or call.logging not in WRITTEN:
        return
    is_gone = call.turn is not None and conversation_id is None
    keeps_text = call.logging == Project.InferenceLogging.FULL and not is_gone
    question, said = _said(call, answer) if keeps_text else ("", "")
    values: dict[str, Any] = {
        "call_id": call.id,
        "project_id": call.project_id,
        "user_id": call.actor.user_id,
        "api_key_id": call.actor.api_key_id,
        "conversation_id": conversation_id,
        "surface": call.surface,
        "model_name": call.model_name,
        "prompt_tokens": receipt.prompt_tokens,
        "completion_tokens": receipt.completion_tokens,
        "cost": receipt.cost,
        "latency_ms": receipt.latency_ms,
        "first_token_ms": receipt.first_token_ms,
        "outcome": receipt.outcome,
        "streamed": call.streamed,
        "request_id": call.actor.request_id,
        "page": call.page,
        "is_visitors": call.actor.visitor_id is not None,
        "question": question,
        "answer": said,
        "is_masked": call.masks_logs,
        "full": Project.InferenceLogging.FULL.value,
        "metadata": Project.InferenceLogging.METADATA.value,
    }
    try:
        with connection.cursor() as cursor:
            cursor.execute(WRITE, values)
    except IntegrityError:
        if connection.in_atomic_block:
            raise
        log.warning("A call is not in the log: somebody it names went at the same moment.")


def _said(call: Call, answer: Answer) -> tuple[str, str]:
    """Return question and answer as they are kept: nothing that a guard has blocked or masked."""
    is_admitted = call.guarded is None or call.guarded.is_admitted
    question = call.asked if is_admitted else ""
    texts = [text.replace("\0", "")[:TEXT_MAX_LENGTH] for text in (question, answer.text)]
    first, second = map(without_personal_data, texts) if call.masks_logs else texts
    return first, second


def without_personal_data(text: str) -> str:
    """Return `text` with what identifies people masked, as the detector of guards finds it."""
    judge = detector("personal_data")
    return masked(text, judge.find(text, _configuration())) if text else text


@cache
def _configuration() -> dict[str, Any]:
    return detector("personal_data").cleaned({})
