"""The tables of this app."""

from metering.models.budgets import (
    OWNERS,
    Budget,
    BudgetAlert,
    BudgetPeriod,
    Reservation,
    ReservationLine,
)
from metering.models.rollups import RollupState, StaleDay, UsageRollup
from metering.models.usage import UsageRecord

__all__ = [
    "OWNERS",
    "Budget",
    "BudgetAlert",
    "BudgetPeriod",
    "Reservation",
    "ReservationLine",
    "RollupState",
    "StaleDay",
    "UsageRecord",
    "UsageRollup",
]
