"""What a caller is told whose call a budget does not pay for."""

from metering.periods import Window, spoken
from restai_site.lib.errors import DomainError

WHOSE = {
    "team": "the team's",
    "project": "this project's",
    "user": "your",
    "api_key": "this API key's",
}
UNITS = {"money": "budget", "tokens": "token budget"}
PERIODS = {"day": "today", "month": "this month"}


class BudgetExceeded(DomainError):
    """A budget does not pay for the call; `resets_at` says when it begins anew.

    The words name no amounts: what a team may spend is not for all who use its projects.
    """

    code = "budget_exceeded"
    status = 402

    def __init__(
        self, *, budget_id: int, owner: str, unit: str, period: str, zone: str, window: Window
    ) -> None:
        self.budget_id = budget_id
        self.window = window
        super().__init__(
            f"What is left of {WHOSE[owner]} {UNITS[unit]} for {PERIODS[period]} does not pay for "
            f"this call; it begins anew on {spoken(window.ends_at, zone)}.",
            more={"resets_at": window.ends_at.isoformat(), "budget": owner},
        )
