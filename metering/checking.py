"""Whether the counters of budgets say what the ledger and the running calls say."""

from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction

from audit.services import record
from metering.models import BudgetPeriod
from metering.reserving import COUNTED, have_ledger_alone
from restai_site.lib.actor import Actor

# One statement, so one state of the database: what is written is counted in the same transaction.
WRONG = f"""
    SELECT id, budget_id, starts_at, spent, ledger, reserved, held FROM (
        SELECT spell.id, spell.budget_id, spell.starts_at, spell.spent, spell.reserved,
               {COUNTED} AS ledger,
               (SELECT coalesce(sum(line.amount), 0) FROM metering_reservationline AS line
                JOIN metering_reservation AS reservation
                    ON reservation.call_id = line.reservation_id
                WHERE line.period_id = spell.id AND reservation.state = 'held') AS held
        FROM metering_budgetperiod AS spell
        JOIN metering_budget AS budget ON budget.id = spell.budget_id
    ) AS counted
    WHERE spent <> ledger OR reserved <> held
    ORDER BY id
"""  # noqa: S608 - all parts are fixed
REPAIR = "UPDATE metering_budgetperiod SET spent = %s, reserved = %s WHERE id = %s"


class Difference(NamedTuple):
    """A period whose counters are wrong: what they say, and what is true."""

    period_id: int
    budget_id: int
    starts_at: object
    spent: Decimal
    ledger: Decimal
    reserved: Decimal
    held: Decimal


def differences() -> list[Difference]:
    """Return the periods whose counters do not say what the ledger and running calls say."""
    with connection.cursor() as cursor:
        cursor.execute(WRONG)
        return [Difference._make(row) for row in cursor.fetchall()]


@transaction.atomic
def repair(*, actor: Actor) -> list[Difference]:
    """Set all counters that are wrong to what is true, and return what they were.

    Nobody spends or holds in the meantime.
    """
    have_ledger_alone()
    with connection.cursor() as cursor:
        # Whoever holds of a budget takes no lock on the ledger, but on its periods.
        list(BudgetPeriod.objects.select_for_update().order_by("pk").values_list("pk"))
        wrong = differences()
        for one in wrong:
            cursor.execute(REPAIR, [one.ledger, one.held, one.period_id])
    if wrong:
        record(actor, "budget.repair", BudgetPeriod, changes={"periods": len(wrong)})
    return wrong
