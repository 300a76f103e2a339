"""`POST /api/projects/{id}/chat`: a turn in a conversation with a project."""

from collections.abc import AsyncIterator
from functools import partial

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from inference import pipeline
from inference.answers import event_stream, json_body, model_call
from inference.bodies import chat_body
from inference.calls import Call
from inference.finish import Receipt
from inference.prepare import prepare_chat
from inference.turn_events import turn_events
from restai_site.lib.db import in_database
from restai_site.lib.http import json_response


@model_call
async def chat(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """Answer one message, as JSON or (`"stream": true`) as events.

    Events: `start` (ids), `token` (text), then `done` (usage) or `error` (words). Where a guard
    blocks, `blocked` comes before `done`, and takes back every `token`. In a project that keeps no
    conversations all ids are null.
    """
    body = chat_body(json_body(request))
    call = await in_database(prepare_chat, request, project_id, body)
    if body.stream:
        stream = pipeline.Stream(call)
        await stream.admitted()
        return event_stream(_events(call, stream))
    answer, receipt = await pipeline.complete(call)
    return json_response({**_ids(call), "message": answer.text, **_receipt(call, receipt)})


def _events(call: Call, stream: pipeline.Stream) -> AsyncIterator[bytes]:
    return turn_events(call, stream, start=_ids(call), blocked=dict, done=partial(_receipt, call))


def _ids(call: Call) -> dict[str, object]:
    if call.turn is None:
        return dict.fromkeys(("conversation_id", "user_message_id", "message_id", "title"))
    return {
        "conversation_id": call.turn.conversation_id,
        "user_message_id": call.turn.user_message_id,
        "message_id": call.turn.message_id,
        "title": call.turn.title,
    }


def _receipt(call: Call, receipt: Receipt) -> dict[str, object]:
    """Return what is known at the end, among it whether the answer has been kept after all."""
    asked = receipt.question_guarding or {}
    return {
        "question": call.asked if asked.get("outcome") == "redacted" else None,
        "question_guarding": receipt.question_guarding,
        "guarding": receipt.guarding,
        "message_id": receipt.message_id,
        "usage": receipt.for_people(),
        "outcome": receipt.outcome,
    }
