"""What a call holds of budgets before it goes to a provider."""

from dataclasses import replace
from datetime import timedelta

from catalog.adapters.types import TranscriptionRequest
from catalog.prices import cost
from catalog.tokens import CHARACTERS_PER_TOKEN, count_messages, count_text
from inference.calls import Call
from metering.claims import Claim
from metering.reserving import applying_to, reserve
from metering.sections import BudgetsSection
from restai_site.lib.configuration import current

# How much longer than a provider may take a call can last: images before it, the database after.
GRACE = timedelta(minutes=2)


def hold(call: Call) -> None:
    """Hold what `call` may cost, and limit its answer to what is held; nothing where no budget is.

    The last step of `prepare`, so that the counters are locked for no longer than they have to be.
    Raises BudgetExceeded.
    """
    budgets = applying_to(call.payer) if call.may_be_budgeted else []
    if not budgets:
        return
    lease = timedelta(seconds=call.endpoint.timeout_seconds) + GRACE
    answer_tokens = reserve(_claim(call), budgets, lease=lease)
    if call.request is not None and answer_tokens is not None:
        call.request = replace(call.request, max_tokens=answer_tokens)


def _claim(call: Call) -> Claim:
    heard_tokens = 0
    if call.request is None:
        prompt_tokens, answer_tokens = sum(map(count_text, call.inputs)), None
        if isinstance(call.media, TranscriptionRequest):
            heard_tokens = call.units // CHARACTERS_PER_TOKEN
    else:
        prompt_tokens = count_messages(call.request.messages)
        answer_tokens = call.request.max_tokens or current(BudgetsSection).answer_tokens
    return Claim(
        call_id=call.id,
        payer=call.payer,
        model_name=call.model_name,
        kind=call.kind,
        started_at=call.started_at,
        prompt_tokens=prompt_tokens + heard_tokens,
        fixed_cost=call.units * call.unit_price
        + cost(prompt_tokens, 0, call.input_price_per_million, call.output_price_per_million),
        answer_tokens=answer_tokens,
        answer_price_per_million=call.output_price_per_million,
        request_id=call.actor.request_id,
    )
