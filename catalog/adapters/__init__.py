"""Provider adapters: the only code that speaks to model providers.

Plain dataclasses go in and come out; see `types`. OpenAI-compatible endpoints take the fast path,
every other provider goes through litellm, which is loaded when it is first needed.
"""

from catalog.adapters.litellm_media import LiteLLMMediaAdapter
from catalog.adapters.openai_media import OpenAIMediaAdapter
from catalog.adapters.types import (
    Adapter,
    ChatRequest,
    ChatResult,
    Delta,
    EmbeddingResult,
    Endpoint,
    Usage,
)

FAST_KINDS = frozenset({"openai", "openai_compatible"})

__all__ = [
    "Adapter",
    "ChatRequest",
    "ChatResult",
    "Delta",
    "EmbeddingResult",
    "Endpoint",
    "Usage",
    "adapter_for",
]

_fast = OpenAIMediaAdapter()
_other = LiteLLMMediaAdapter()


def adapter_for(kind: str) -> Adapter:
    """Return the adapter for provider accounts of `kind`."""
    return _fast if kind in FAST_KINDS else _other
