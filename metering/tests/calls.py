"""Calls that hold and settle without a provider, and the sums that hold whatever happens."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from django.db.models import F, Sum
from django.utils import timezone

from metering.claims import Claim, Payer, Spending
from metering.models import Budget, BudgetPeriod, ReservationLine, UsageRecord
from metering.reserving import applying_to, reserve
from metering.settling import settle

LEASE = timedelta(minutes=5)
NOBODY = Payer(None, None, None, None)


def budget(amount, *, period="month", unit="money", **owner) -> Budget:
    return Budget.objects.create(period=period, unit=unit, amount=amount, **owner)


def claim(payer, **values) -> Claim:
    """Return a claim of 100 tokens of prompt for 1 dollar and an answer of 100 for another one."""
    usual = {
        "call_id": uuid4(),
        "model_name": "m",
        "kind": "chat",
        "started_at": timezone.now(),
        "prompt_tokens": 100,
        "fixed_cost": Decimal(1),
        "answer_tokens": 100,
        "answer_price_per_million": Decimal(10_000),
    }
    return Claim(payer=payer, **{**usual, **values})


def hold(wanted, lease=LEASE):
    """Reserve as `prepare` does."""
    return reserve(wanted, applying_to(wanted.payer), lease=lease)


def spending(of, *, cost="0.5", tokens=(40, 10), **values) -> Spending:
    usual = {
        "tokens_source": "provider",
        "latency_ms": 10,
        "first_token_ms": None,
        "outcome": "completed",
        "streamed": False,
        "request_id": "",
    }
    return Spending(
        call_id=of.call_id,
        payer=of.payer,
        model_name=of.model_name,
        kind=of.kind,
        started_at=of.started_at,
        prompt_tokens=tokens[0],
        completion_tokens=tokens[1],
        cost=Decimal(cost),
        **{**usual, **values},
    )


def end(of, **values) -> int:
    return settle(spending(of, **values))


def in_ledger(period) -> Decimal:
    """Return what the ledger says that a period of a budget has spent."""
    one = period.budget
    rows = UsageRecord.objects.filter(
        started_at__gte=period.starts_at,
        started_at__lt=period.ends_at,
        **{f"{one.owner}_id": getattr(one, f"{one.owner}_id")},
    )
    tokens = F("prompt_tokens") + F("completion_tokens")
    what = F("cost") if one.unit == "money" else tokens
    return Decimal(rows.aggregate(sum=Sum(what))["sum"] or 0)


def held(period) -> Decimal:
    """Return what running calls hold of a period."""
    lines = ReservationLine.objects.filter(period=period, reservation__state="held")
    return lines.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


def assert_sums_hold():
    """Every counter is the sum of the ledger, and of what is held, to the last unit."""
    for period in BudgetPeriod.objects.select_related("budget"):
        assert period.spent == in_ledger(period), period
        assert period.reserved == held(period), period
