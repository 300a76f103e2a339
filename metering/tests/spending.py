"""Calls as the ledger and the budgets see them, without a provider."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from django.utils import timezone

from metering.claims import Claim, Payer, Spending
from metering.reserving import applying_to, reserve
from metering.settling import settle


def payer_of(world, user=None, *, key=None, project="project"):
    """Return who pays for a call in a project of the world."""
    row = getattr(world, project)
    return Payer(row.team_id, row.pk, (user or world.viewer).pk, key.pk if key else None)


def spend(payer, *, cost="1", tokens=100, started_at=None, call_id=None, outcome="completed"):
    """Let a call end that has cost so much; return the id of its row in the ledger."""
    return settle(
        Spending(
            call_id=call_id or uuid4(),
            payer=payer,
            model_name="mock",
            kind="chat",
            started_at=started_at or timezone.now(),
            prompt_tokens=tokens,
            completion_tokens=0,
            tokens_source="provider",
            cost=Decimal(cost),
            latency_ms=1,
            first_token_ms=None,
            outcome=outcome,
            streamed=False,
            request_id="",
        )
    )


def hold(payer, *, cost="1", tokens=100, started_at: datetime | None = None):
    """Let a call begin that costs so much; return its id. Raises BudgetExceeded."""
    claim = Claim(
        call_id=uuid4(),
        payer=payer,
        model_name="mock",
        kind="chat",
        started_at=started_at or timezone.now(),
        prompt_tokens=tokens,
        fixed_cost=Decimal(cost),
    )
    reserve(claim, applying_to(payer), lease=timedelta(minutes=5))
    return claim.call_id
