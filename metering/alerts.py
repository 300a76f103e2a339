"""Telling people in time that a budget is being used up."""

from collections.abc import Sequence


def tell(alert_ids: Sequence[int]) -> None:
    """Have people told that shares of budgets were reached, once what was counted is committed."""
