"""What guards have found in what a person said."""

from collections.abc import Iterator

from accounts.models import User
from accounts.personal.holdings import Held, holds
from guards.models import GuardEvent

FINDING = (
    *("created_at", "call_id", "guard_name", "stage", "outcome", "category", "text", "reason"),
)


@holds("findings")
def findings(user: User) -> Iterator[Held]:
    """Findings of guards in the calls of the person."""
    found = GuardEvent.objects.filter(user=user).exclude(outcome=GuardEvent.Outcome.PASSED)
    yield from found.order_by("created_at").values(*FINDING).iterator()
