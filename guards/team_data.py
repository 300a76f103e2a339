"""What guards have found in the projects of a team."""

from collections.abc import Iterator

from guards.models import GuardBinding, GuardEvent
from teams.data.holdings import Held, holds
from teams.models import Team

FINDING = (
    *("created_at", "call_id", "project_id", "guard_name", "stage", "outcome", "category"),
    *("text", "reason", "review", "review_note"),
)
BINDING = ("project_id", "guard_id", "detector", "stage", "mode")


@holds("guards")
def guards(of: Team) -> Iterator[Held]:
    """What its projects are guarded by."""
    yield from GuardBinding.objects.filter(project__team=of).order_by("pk").values(*BINDING)


@holds("findings")
def findings(of: Team) -> Iterator[Held]:
    """Findings in its projects."""
    found = GuardEvent.objects.filter(team=of).exclude(outcome=GuardEvent.Outcome.PASSED)
    yield from found.order_by("created_at").values(*FINDING).iterator()
