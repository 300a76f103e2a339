"""What a call asks of the budgets, before it is made and after."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from uuid import UUID

from catalog.prices import PER_MILLION
from metering.models import Budget

Unit = Budget.Unit


@dataclass(frozen=True, slots=True)
class Payer:
    """Whose budgets a call counts to. Each may be missing."""

    team_id: int | None
    project_id: int | None
    user_id: int | None
    api_key_id: int | None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a call may use at most.

    `fixed_cost` is what it costs whatever the answer, in US dollars; `answer_tokens` the longest
    answer, None where there is no answer to limit. Prices are of a million tokens, in US dollars.
    """

    call_id: UUID
    payer: Payer
    model_name: str
    kind: str
    started_at: datetime
    prompt_tokens: int
    fixed_cost: Decimal
    answer_tokens: int | None = None
    answer_price_per_million: Decimal = Decimal(0)
    request_id: str = ""

    def amount(self, unit: str, answer_tokens: int) -> Decimal:
        """Return what the call uses of a budget in `unit`, with so long an answer."""
        if unit == Unit.TOKENS:
            return Decimal(self.prompt_tokens + answer_tokens)
        return self.fixed_cost + (answer_tokens * self.answer_price_per_million).scaleb(PER_MILLION)

    def affordable(self, unit: str, remaining: Decimal) -> int | None:
        """Return the longest answer that `remaining` of a budget pays; None: any.

        Negative where not even the prompt is paid.
        """
        if unit == Unit.MONEY and not (self.fixed_cost or self.answer_price_per_million):
            return None
        left = remaining - self.amount(unit, 0)
        if left < 0:
            return -1
        if unit == Unit.TOKENS:
            return int(left)
        if not self.answer_price_per_million:
            return None
        return int(
            (left.scaleb(-PER_MILLION) / self.answer_price_per_million).to_integral_value(
                ROUND_FLOOR
            )
        )


@dataclass(frozen=True, slots=True)
class Spending:
    """What a call has used: its row in the ledger."""

    call_id: UUID
    payer: Payer
    model_name: str
    kind: str
    started_at: datetime
    prompt_tokens: int
    completion_tokens: int
    tokens_source: str
    cost: Decimal
    latency_ms: int
    first_token_ms: int | None
    outcome: str
    streamed: bool
    request_id: str
