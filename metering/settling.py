"""Writing the ledger, and with it what budgets have spent.

The order of locks is in `metering.reserving`.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from metering.claims import Payer, Spending
from metering.models import Reservation, UsageRecord
from metering.reserving import LEDGER

State = Reservation.State
# In the order of its arguments; the function is in the migrations.
SETTLE = """
    SELECT usage_id FROM metering_settle(
        %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s
    )
"""


def settle(spending: Spending) -> int:
    """Write what a call has used, count it, and give back what it held; return its ledger row.

    All of it in one statement. A call that is written already is not written or counted again.
    """
    return _settle(spending, State.SETTLED)


def expire() -> int:
    """Count in full what is held by calls whose lease is over, and return how many they were.

    A process that died has told nobody what its call has cost.
    """
    expired = 0
    while _expire_one():
        expired += 1
    return expired


def _settle(spending: Spending, state: str) -> int:
    payer = spending.payer
    values = [
        *(LEDGER, state, spending.call_id),
        *(payer.team_id, payer.project_id, payer.user_id, payer.api_key_id),
        *(spending.model_name, spending.kind, spending.started_at),
        *(spending.prompt_tokens, spending.completion_tokens, spending.tokens_source),
        *(spending.cost, spending.latency_ms, spending.first_token_ms, spending.outcome),
        *(spending.streamed, spending.request_id),
    ]
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, values)
        (usage_id,) = cursor.fetchone()
    return int(usage_id)


@transaction.atomic
def _expire_one() -> bool:
    """Expire one reservation: one to a transaction, so that periods are locked in their order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [LEDGER])
    over = Reservation.objects.filter(state=State.HELD, lease_until__lte=timezone.now())
    row = over.select_for_update(skip_locked=True).order_by("lease_until").first()
    if row is not None:
        _settle(_lost(row), State.EXPIRED)
    return row is not None


def _lost(row: Reservation) -> Spending:
    payer = Payer(row.team_id, row.project_id, row.user_id, row.api_key_id)
    elapsed = row.lease_until - row.started_at
    return Spending(
        call_id=row.call_id,
        payer=payer,
        model_name=row.model_name,
        kind=row.kind,
        started_at=row.started_at,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        tokens_source=UsageRecord.TokensSource.RESERVED,
        cost=row.cost,
        latency_ms=max(0, round(elapsed.total_seconds() * 1000)),
        first_token_ms=None,
        outcome=UsageRecord.Outcome.LOST,
        streamed=False,
        request_id=row.request_id,
    )


def clear_settled(before: datetime, *, at_most: int = 10_000) -> int:
    """Delete reservations that ended and whose lease was over `before`; the ledger has the rest."""
    ended = Reservation.objects.exclude(state=State.HELD).filter(lease_until__lt=before)
    pks: Sequence[UUID] = list(ended.values_list("pk", flat=True)[:at_most])
    deleted, _ = Reservation.objects.filter(pk__in=pks).delete()
    return deleted
