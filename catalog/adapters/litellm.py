"""Every provider with an API of its own, through litellm.

litellm costs seconds to import, about 150 MB, and ten times the processor time of the fast path,
so it is loaded by the first call that needs it, in a thread.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from itertools import islice
from typing import Any

from catalog.adapters import errors
from catalog.adapters.litellm_library import library
from catalog.adapters.types import (
    ChatRequest,
    ChatResult,
    Delta,
    EmbeddingResult,
    Endpoint,
    Message,
    Usage,
)
from restai_site.lib import egress
from restai_site.lib.errors import DomainError, Invalid

# Our kinds by litellm's names. A model of the kind "other" carries the name itself.
PROVIDERS = {
    "anthropic": "anthropic",
    "azure": "azure",
    "bedrock": "bedrock",
    "cohere": "cohere",
    "gemini": "gemini",
    "groq": "groq",
    "mistral": "mistral",
    "openrouter": "openrouter",
}
# Counts come at the end of a stream, in one of its last chunks.
COUNTS_WITHIN_LAST = 8
# Fields of a message whose addresses are words, never fetched.
WORDS_FIELDS = frozenset({"tool_calls", "function_call"})
FOREIGN_SCHEMES = ("http:", "https:", "gs:", "s3:", "file:", "ftp:")


class LiteLLMAdapter:
    """Talks to a provider through litellm. Keeps no state."""

    async def chat(self, endpoint: Endpoint, request: ChatRequest) -> ChatResult:
        """Return the complete answer."""
        refuse_foreign_content(request.messages)
        answer = await call("acompletion", endpoint, request.parameters())
        return _result(answer, endpoint)

    async def embed(
        self, endpoint: Endpoint, inputs: Sequence[str], dimensions: int | None = None
    ) -> EmbeddingResult:
        """Return one vector for each of `inputs`."""
        parameters: dict[str, Any] = {"input": list(inputs)}
        if dimensions is not None:
            parameters["dimensions"] = dimensions
        answer = await call("aembedding", endpoint, parameters)
        vectors = [[float(number) for number in item["embedding"]] for item in answer.data]
        if len(vectors) != len(inputs):
            raise errors.bad_answer("it does not hold one vector for each text")
        return EmbeddingResult(vectors, _usage(getattr(answer, "usage", None)))

    async def stream(self, endpoint: Endpoint, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """Yield the pieces of the answer one by one."""
        async with aclosing(self.batches(endpoint, request)) as batches:
            async for batch in batches:
                for delta in batch:
                    yield delta

    async def batches(
        self, endpoint: Endpoint, request: ChatRequest
    ) -> AsyncGenerator[list[Delta], None]:
        """Yield the pieces of the answer, each as a group of its own."""
        refuse_foreign_content(request.messages)
        parameters = request.parameters()
        parameters |= {"stream": True, "stream_options": {"include_usage": True}}
        deadline = asyncio.get_running_loop().time() + endpoint.timeout_seconds
        chunks = await call("acompletion", endpoint, parameters)
        empty = True
        try:
            while (chunk := await _next(chunks, endpoint, deadline)) is not None:
                delta = _delta(chunk, chunks)
                if delta is not None:
                    empty = empty and not (delta.text or delta.tool_calls or delta.usage)
                    yield [delta]
        finally:
            await _hang_up(chunks)
        if empty:
            # litellm makes an orderly end of anything, also of an answer that was none.
            raise errors.bad_answer("the library for this provider found nothing in it")


def refuse_foreign_content(messages: Sequence[Message]) -> None:
    """Refuse images and files named by address.

    litellm would fetch them itself for providers that take no addresses, past the rules that
    every outbound connection of the platform obeys. Raises Invalid.
    """
    parts = [part for message in messages for part in _parts(message)]
    if any(_names_address(part) for part in parts):
        raise Invalid(
            "This provider takes images and files only as data: URLs, not as web addresses.",
            code="foreign_content",
        )


def _parts(message: Message) -> list[Any]:
    """Return what may be fetched: the parts of the content, without the words of texts, and all
    that is nested in fields of other names; of them the library reads `images`, among others.
    """
    nested = {
        name: value
        for name, value in message.items()
        if isinstance(value, list | Mapping) and name not in WORDS_FIELDS
    }
    content = nested.pop("content", [])
    parts = content if isinstance(content, list) else [content]
    return [*map(_without_text, parts), *nested.values()]


def _without_text(part: Any) -> Any:
    if not isinstance(part, dict) or part.get("type") != "text":
        return part
    return {name: value for name, value in part.items() if name != "text"}


def _names_address(value: Any) -> bool:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, str) and item[:16].strip().lower().startswith(FOREIGN_SCHEMES):
            return True
    return False


async def call(function: str, endpoint: Endpoint, parameters: dict[str, Any]) -> Any:
    """Return what a function of litellm returns. Raises as the methods of adapters do."""
    litellm = await asyncio.to_thread(library)
    arguments = dict(endpoint.extra) | parameters | _connection(endpoint)
    try:
        async with asyncio.timeout(endpoint.timeout_seconds):
            return await getattr(litellm, function)(**arguments)
    except TimeoutError:
        raise errors.timed_out(endpoint, total=True) from None
    except Exception as error:  # noqa: BLE001  the library raises classes of many libraries
        raise _translated(error, endpoint) from None


def _connection(endpoint: Endpoint) -> dict[str, Any]:
    connection: dict[str, Any] = {
        "model": _model(endpoint),
        "api_key": endpoint.api_key or None,
        "timeout": endpoint.timeout_seconds,
        "num_retries": 0,
        "max_retries": 0,
    }
    if endpoint.base_url:
        base = egress.check_url(endpoint.base_url).partition("#")[0]
        connection["api_base"] = base.rstrip("/")
    return connection


def _model(endpoint: Endpoint) -> str:
    """Return the model with litellm's name of the provider in front."""
    provider = PROVIDERS.get(endpoint.kind)
    if provider is None or endpoint.model.startswith(f"{provider}/"):
        return endpoint.model
    return f"{provider}/{endpoint.model}"


async def _next(chunks: Any, endpoint: Endpoint, deadline: float) -> Any:
    """Return the next chunk, or None at the end."""
    now = asyncio.get_running_loop().time()
    limit = min(now + endpoint.idle_seconds, deadline)
    try:
        async with asyncio.timeout_at(limit):
            return await anext(chunks, None)
    except TimeoutError:
        raise errors.timed_out(endpoint, total=limit == deadline) from None
    except Exception as error:  # noqa: BLE001  the library raises classes of many libraries
        raise _translated(error, endpoint) from None


async def _hang_up(chunks: Any) -> None:
    """Close the connection under a stream of litellm, which leaves that to its owner."""
    close = getattr(chunks, "aclose", None) or getattr(chunks, "close", None)
    if close is not None:
        await close()


def _has_counts(chunks: Any) -> bool:
    """Return whether the provider itself counted: without counts litellm sends its own estimate."""
    usages = (getattr(chunk, "usage", None) for chunk in reversed(chunks.chunks))
    return any(usage is not None for usage in islice(usages, COUNTS_WITHIN_LAST))


def _delta(chunk: Any, chunks: Any) -> Delta | None:
    usage = getattr(chunk, "usage", None)
    delta = Delta(usage=_usage(usage) if usage is not None and _has_counts(chunks) else None)
    if chunk.choices:
        choice = chunk.choices[0]
        delta.text = choice.delta.content or ""
        delta.finish_reason = choice.finish_reason or None
        delta.tool_calls = _tool_calls(choice.delta.tool_calls)
    return delta if delta.text or delta.finish_reason or delta.usage or delta.tool_calls else None


def _result(answer: Any, endpoint: Endpoint) -> ChatResult:
    if not getattr(answer, "choices", None):
        raise errors.bad_answer("it has no message")
    choice = answer.choices[0]
    return ChatResult(
        content=choice.message.content or "",
        finish_reason=choice.finish_reason or "stop",
        usage=_usage(getattr(answer, "usage", None)),
        tool_calls=_tool_calls(choice.message.tool_calls),
        model=str(answer.model or endpoint.model),
    )


def _tool_calls(calls: Any) -> list[dict[str, Any]] | None:
    return [call.model_dump(exclude_none=True) for call in calls] if calls else None


def _usage(usage: Any) -> Usage | None:
    prompt = getattr(usage, "prompt_tokens", None)
    completion = getattr(usage, "completion_tokens", None) or 0
    return Usage(prompt, completion) if isinstance(prompt, int) and prompt > 0 else None


def _translated(error: Exception, endpoint: Endpoint) -> DomainError:
    """Return our error for any that came out of litellm."""
    for cause in _causes(error):
        if isinstance(cause, DomainError):
            return cause
        if isinstance(cause, errors.CONNECTION_FAILURES):
            return errors.from_exception(cause, endpoint)
    status = getattr(error, "status_code", None)
    name = type(error).__name__
    if name in {"Timeout", "APITimeoutError"} or status == 408:
        return errors.timed_out(endpoint, total=True)
    if name in {"APIResponseValidationError", "APIConnectionError"} or not isinstance(status, int):
        return errors.bad_answer("the library for this provider found no valid answer")
    return errors.from_words(status, errors.innermost_message(str(error)), endpoint)


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain
