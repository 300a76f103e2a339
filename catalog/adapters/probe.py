"""“Test connection”: does this endpoint answer, and if not, what is wrong."""

from dataclasses import dataclass, replace
from typing import Literal

from catalog.adapters import FAST_KINDS, adapter_for
from catalog.adapters.openai import OpenAIAdapter
from catalog.adapters.types import ChatRequest, Endpoint
from restai_site.lib.errors import DomainError

PROBE_SECONDS = 20.0
PROBE_TOKENS = 16
NAMES_SHOWN = 5

Purpose = Literal["chat", "embedding"]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a person is told, and the models the provider listed (where it lists any)."""

    ok: bool
    message: str
    models: tuple[str, ...] = ()


async def probe(endpoint: Endpoint, purpose: Purpose = "chat") -> ProbeResult:
    """Return whether `endpoint` works. Never raises for a provider that does not.

    An OpenAI-compatible endpoint is asked for its list of models, which costs nothing. A model is
    tried with one tiny call when that list does not settle the question. Takes 20 seconds at most.
    """
    limit = min(endpoint.timeout_seconds, PROBE_SECONDS)
    hurried = replace(
        endpoint,
        timeout_seconds=limit,
        idle_seconds=min(endpoint.idle_seconds, limit),
        connect_seconds=min(endpoint.connect_seconds, limit),
    )
    try:
        if hurried.kind in FAST_KINDS:
            return await _probe_list(hurried, purpose)
        return await _probe_call(hurried, purpose)
    except DomainError as error:
        return ProbeResult(ok=False, message=error.message)


async def _probe_list(endpoint: Endpoint, purpose: Purpose) -> ProbeResult:
    try:
        models = tuple(await OpenAIAdapter().models(endpoint))
    except DomainError as error:
        # Some servers keep no list; a call says more than its absence.
        if endpoint.model and error.code in {"provider_model_unknown", "provider_address"}:
            return await _probe_call(endpoint, purpose)
        raise
    wanted = endpoint.model.removeprefix("openai/")
    if not endpoint.model or wanted in models or endpoint.model in models:
        return ProbeResult(ok=True, message=_offer(models), models=models)
    try:
        return replace(await _probe_call(endpoint, purpose), models=models)
    except DomainError as error:
        return ProbeResult(ok=False, message=f"{error.message} {_offer(models)}", models=models)


async def _probe_call(endpoint: Endpoint, purpose: Purpose) -> ProbeResult:
    if not endpoint.model:
        return ProbeResult(ok=False, message="Enter a model: this provider is tested by a call.")
    adapter = adapter_for(endpoint.kind)
    if purpose == "embedding":
        await adapter.embed(endpoint, ["ping"])
    else:
        messages = [{"role": "user", "content": "ping"}]
        await adapter.chat(endpoint, ChatRequest(messages=messages, max_tokens=PROBE_TOKENS))
    return ProbeResult(ok=True, message=f"The model “{endpoint.model}” answers.")


def _offer(models: tuple[str, ...]) -> str:
    if not models:
        return "The provider answers; it lists no models."
    shown = ", ".join(models[:NAMES_SHOWN])
    more = f" and {len(models) - NAMES_SHOWN} more" if len(models) > NAMES_SHOWN else ""
    return f"The provider answers and offers {shown}{more}."
