"""Calls of people of the world that hold and spend of budgets, without a provider."""

from decimal import Decimal

from metering.claims import Payer
from metering.tests import calls


def payer_of(world, user=None, *, key=None, project="project"):
    """Return who pays for a call in a project of the world."""
    row = getattr(world, project)
    return Payer(row.team_id, row.pk, (user or world.viewer).pk, key.pk if key else None)


def spend(payer, *, cost="1", tokens=100, **values):
    """Let a call end that has cost so much; return the id of its row in the ledger."""
    return calls.end(calls.claim(payer, **values), cost=cost, tokens=(tokens, 0))


def hold(payer, *, cost="1", tokens=100, **values):
    """Let a call begin that costs so much; return its id. Raises BudgetExceeded."""
    usual = {"fixed_cost": Decimal(cost), "prompt_tokens": tokens, "answer_tokens": None}
    claim = calls.claim(payer, **{**usual, "answer_price_per_million": Decimal(0), **values})
    calls.hold(claim)
    return claim.call_id
