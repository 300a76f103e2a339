"""The OpenAI-compatible API: the shapes of that API around the one pipeline."""

import time
from array import array
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import uuid4

import orjson
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from accounts.credentials import require
from catalog.adapters.types import Delta
from catalog.models import LLM, AudioGenerator, EmbeddingModel, ImageGenerator
from inference import pipeline
from inference.answers import event_stream, json_body, model_call
from inference.bodies import CompletionBody, completion_body, embedding_body
from inference.calls import Answer
from inference.finish import Receipt
from inference.prepare import PROJECT_PREFIX, prepare_completion, prepare_embedding
from projects.models import Project
from restai_site.lib import sse
from restai_site.lib.db import in_database
from restai_site.lib.errors import DomainError, NotFound
from restai_site.lib.http import json_response, openai_error

MODELS_MAX = 1000


@model_call
async def chat_completions(request: HttpRequest) -> HttpResponseBase:
    """`POST /v1/chat/completions`, streamed or not."""
    body = completion_body(json_body(request))
    call = await in_database(prepare_completion, request, body)
    if not body.stream:
        answer, receipt = await pipeline.complete(call)
        pipeline.require_admitted(call)
        return json_response(_completion(body, answer, receipt))
    stream = pipeline.Stream(call)
    first = await stream.first()
    return event_stream(_chunks(body, stream, first))


@model_call
async def embeddings(request: HttpRequest) -> HttpResponseBase:
    """`POST /v1/embeddings`."""
    body = embedding_body(json_body(request))
    call = await in_database(prepare_embedding, request, body)
    result, receipt = await pipeline.embed(call, body.dimensions)
    encode = _base64 if body.as_base64 else list
    rows = [
        {"object": "embedding", "index": index, "embedding": encode(vector)}
        for index, vector in enumerate(result.vectors)
    ]
    usage = {"prompt_tokens": receipt.prompt_tokens, "total_tokens": receipt.prompt_tokens}
    return json_response({"object": "list", "data": rows, "model": body.model, "usage": usage})


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """`GET /v1/models`: what the caller may name as `model`."""
    return json_response({"object": "list", "data": _usable_models(request)})


@require_safe
def model(request: HttpRequest, name: str) -> HttpResponse:
    """`GET /v1/models/{name}`."""
    for entry in _usable_models(request):
        if entry["id"] == name:
            return json_response(entry)
    raise NotFound("There is no such model, or you may not use it.", code="model_not_found")


def _usable_models(request: HttpRequest) -> list[dict[str, Any]]:
    actor = require(request)
    entries = []
    for kind in (LLM, EmbeddingModel, ImageGenerator, AudioGenerator):
        usable = kind.objects.visible_to(actor).filter(enabled=True)
        for name, created in usable.values_list("name", "created_at")[:MODELS_MAX]:
            entries.append(_model_entry(name, created))
    projects = Project.objects.visible_to(actor).values_list("pk", "created_at")
    for pk, created in projects.order_by("pk")[:MODELS_MAX]:
        entries.append(_model_entry(f"{PROJECT_PREFIX}{pk}", created))
    return entries


def _model_entry(name: str, created: Any) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": int(created.timestamp()),
        "owned_by": "project" if name.startswith(PROJECT_PREFIX) else "platform",
    }


def _completion(body: CompletionBody, answer: Answer, receipt: Receipt) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    if answer.tool_calls:
        message |= {"content": answer.text or None, "tool_calls": answer.tool_calls}
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": answer.finish_reason or "stop",
    }
    head = _head(body, "chat.completion")
    told = {"guarding": receipt.guarding} if receipt.guarding else {}
    return {**head, "choices": [choice], "usage": receipt.for_openai(), **told}


def _head(body: CompletionBody, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": body.model,
    }


async def _chunks(
    body: CompletionBody, stream: pipeline.Stream, first: list[Delta]
) -> AsyncIterator[bytes]:
    """Write the stream. The usage is durable before the last event leaves."""
    head = orjson.dumps(_head(body, "chat.completion.chunk"))[:-1]
    try:
        yield _chunk(head, {"role": "assistant", "content": ""}) + _encoded(head, first)
        async for batch in stream:
            if encoded := _encoded(head, batch):
                yield encoded
        yield _ending(head, body, stream)
    except DomainError as error:
        yield sse.event(openai_error(error.status, error.message, code=error.code))
    finally:
        await stream.close()


def _encoded(head: bytes, batch: Sequence[Delta]) -> bytes:
    return b"".join(
        [
            _chunk(head, _delta(delta), delta.finish_reason)
            for delta in batch
            if delta.text or delta.tool_calls or delta.finish_reason
        ]
    )


def _delta(delta: Delta) -> dict[str, Any]:
    fields: dict[str, Any] = {"content": delta.text} if delta.text else {}
    return fields | {"tool_calls": delta.tool_calls} if delta.tool_calls else fields


def _chunk(head: bytes, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return b"data: " + head + b',"choices":[' + orjson.dumps(choice) + b"]}\n\n"


def _ending(head: bytes, body: CompletionBody, stream: pipeline.Stream) -> bytes:
    if not body.include_usage or stream.receipt is None:
        return sse.DONE
    last: dict[str, Any] = {"usage": stream.receipt.for_openai()}
    if stream.receipt.guarding:
        last["guarding"] = stream.receipt.guarding
    return b"data: " + head + b',"choices":[],' + orjson.dumps(last)[1:] + b"\n\n" + sse.DONE


def _base64(vector: Sequence[float]) -> str:
    # Little-endian 32-bit floats, which every machine this runs on has natively.
    return b64encode(array("f", vector).tobytes()).decode()
