"""Budgets go with whom they are for, while calls hold something of them.

The database takes them along in the order in which it finds them. Calls lock in that of
`metering.reserving`, so it is theirs in which all is locked here, before anything is deleted.
"""

from typing import Any

from django.db.models import Q

from accounts.models import User
from metering.models import Budget, BudgetPeriod
from projects.models import Project
from teams.models import Team

Owner = Project | Team | User


def lock_budgets_of(instance: Owner, **_: Any) -> None:
    """Lock what goes with a project, a team or a user. Call it in the transaction that deletes."""
    going = Budget.objects.filter(_budgets_of(instance)).order_by("id")
    budgets = list(going.select_for_update(of=("self",)).values_list("pk", flat=True))
    periods = BudgetPeriod.objects.filter(budget_id__in=budgets).order_by("id").select_for_update()
    list(periods.values_list("pk", flat=True))


def _budgets_of(owner: Owner) -> Q:
    if isinstance(owner, Project):
        return Q(project=owner)
    if isinstance(owner, Team):
        return Q(team=owner)
    # Their keys go with them.
    return Q(user=owner) | Q(api_key__user=owner)
