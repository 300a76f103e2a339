"""What a call costs."""

from decimal import Decimal

# Prices are of a million tokens or characters: the power of ten from one of them to all.
PER_MILLION = -6


def cost(
    prompt_tokens: int,
    completion_tokens: int,
    input_price_per_million: Decimal,
    output_price_per_million: Decimal,
) -> Decimal:
    """Return the exact price of a call, in the currency of the prices."""
    millionths = (
        prompt_tokens * input_price_per_million + completion_tokens * output_price_per_million
    )
    return millionths.scaleb(PER_MILLION)
