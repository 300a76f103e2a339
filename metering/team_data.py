"""What a team has used, and may."""

from collections.abc import Iterator

from django.db.models import Q

from metering.models import Budget, UsageRecord
from metering.personal import CALL
from teams.data.holdings import Held, holds
from teams.models import Team

BUDGET = ("project_id", "period", "unit", "amount")


@holds("usage")
def usage(of: Team) -> Iterator[Held]:
    """Calls of models."""
    found = UsageRecord.objects.filter(team=of).order_by("pk")
    yield from found.values(*CALL, "project_id", "user__email").iterator()


@holds("budgets")
def budgets(of: Team) -> Iterator[Held]:
    """Limits of the team and of its projects."""
    found = Budget.objects.filter(Q(team=of) | Q(project__team=of))
    yield from found.order_by("pk").values(*BUDGET)
