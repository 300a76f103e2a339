"""What litellm's price list knows of a model, to fill a form in.

The list is read from the package without importing it (which takes seconds), and is not kept:
it would cost every worker megabytes for something an administrator does now and then.
"""

from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

PRICE_LIST = "model_prices_and_context_window_backup.json"
MILLION = Decimal(1_000_000)
PLACES = Decimal("0.000001")
CAPABILITIES = {
    "vision": "supports_vision",
    "tools": "supports_function_calling",
    "structured_output": "supports_response_schema",
    "reasoning": "supports_reasoning",
}
# How litellm prefixes the names of providers whose models are listed under one.
PREFIXES = {"openai_compatible": "openai"}


def suggest(provider_kind: str, model: str) -> dict[str, Any]:
    """Return what the list says of `model`, by the names of the catalog's fields; {} if unknown.

    Prices are dollars for a million tokens (or characters), from litellm's dollars for one.
    """
    listed = _listed(provider_kind, model)
    known = {
        "context_window": _whole(listed.get("max_input_tokens") or listed.get("max_tokens")),
        "input_price_per_million": _per_million(listed.get("input_cost_per_token")),
        "output_price_per_million": _per_million(listed.get("output_cost_per_token")),
        "price_per_million_characters": _per_million(listed.get("input_cost_per_character")),
        "price_per_image": _price(listed.get("output_cost_per_image")),
        "dimensions": _whole(listed.get("output_vector_size")),
    }
    found: dict[str, Any] = {name: value for name, value in known.items() if value is not None}
    if found:
        found["capabilities"] = [name for name, key in CAPABILITIES.items() if listed.get(key)]
    return found


def _listed(provider_kind: str, model: str) -> dict[str, Any]:
    prices = _price_list()
    prefix = PREFIXES.get(provider_kind, provider_kind)
    for name in (f"{prefix}/{model}", model):
        if name in prices:
            return dict(prices[name])
    return {}


def _price_list() -> dict[str, Any]:
    spec = find_spec("litellm")
    if spec is None or spec.origin is None:
        return {}
    text = (Path(spec.origin).parent / PRICE_LIST).read_bytes()
    return orjson.loads(text)  # type: ignore[no-any-return]


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _per_million(value: object) -> Decimal | None:
    return _price(value, MILLION)


def _price(value: object, times: Decimal = Decimal(1)) -> Decimal | None:
    if not isinstance(value, int | float):
        return None
    # The list holds binary fractions; their shortest text is what was meant.
    return (Decimal(str(value)) * times).quantize(PLACES).normalize() + 0
