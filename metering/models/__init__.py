"""The tables of this app."""

from metering.models.budgets import (
    AMOUNT_BELOW,
    OWNERS,
    Budget,
    BudgetAlert,
    BudgetPeriod,
    Reservation,
    ReservationLine,
)
from metering.models.usage import UsageRecord

__all__ = [
    "AMOUNT_BELOW",
    "OWNERS",
    "Budget",
    "BudgetAlert",
    "BudgetPeriod",
    "Reservation",
    "ReservationLine",
    "UsageRecord",
]
