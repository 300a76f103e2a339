"""What can be done to budgets.

The order of locks: LEDGER, the budget, its periods by their id, as in `metering.reserving`.
"""

from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import ApiKey, User
from audit.services import changes_of, record
from metering.amounts import checked
from metering.models import Budget, BudgetAlert
from metering.reserving import Applying, begin_periods, have_ledger_alone
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from teams.models import Team

Owner = Team | Project | User | ApiKey
FIELDS: dict[type[Owner], str] = {
    Team: "team",
    Project: "project",
    User: "user",
    ApiKey: "api_key",
}
WHO_MAY = {
    "team": "Only platform administrators give budgets to teams.",
    "project": "Only admins of the team give budgets to its projects.",
    "user": "Only platform administrators give budgets to users.",
    "api_key": "A key is given a budget by its owner, signed in, or a platform administrator.",
}
TAKEN = "There is a budget in this unit for this period already: change its amount."


@transaction.atomic
def create_budget(owner: Owner, *, period: str, unit: str, amount: Decimal, actor: Actor) -> Budget:
    """Give a team, project, user or key a budget: US dollars or tokens for a day or a month.

    What was used since the beginning of the day or month counts already. Raises Forbidden, Invalid,
    Conflict where there is one in this unit for this period.
    """
    field = FIELDS[type(owner)]
    _require_right(owner, field, actor)
    _require_known(period=period, unit=unit)
    values = {"period": period, "unit": unit, "amount": checked(amount, unit)}
    try:
        with transaction.atomic():
            budget = Budget.objects.create(**{field: owner}, **values)
    except IntegrityError:
        raise Conflict(TAKEN) from None
    begin_periods([_applying(budget)], timezone.now())
    record(
        actor,
        "budget.create",
        budget,
        team_id=_team_id(budget),
        changes={field: owner, **values},
        name=_name(budget),
    )
    return budget


@transaction.atomic
def change_budget(budget: Budget, *, amount: Decimal, actor: Actor) -> Budget:
    """Change the amount of a budget; what is spent and held of it stays. Raises Forbidden, Invalid.

    Shares that are no longer reached are told of again when they are.
    """
    budget = _lock(budget, actor)
    changes = changes_of(budget, {"amount": checked(amount, budget.unit)})
    if not changes:
        return budget
    # Whoever spends waits, and tells of what is reached of the new amount.
    list(budget.periods.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    budget.amount = amount
    budget.save(update_fields=["amount", "updated_at"])
    unreached = BudgetAlert.objects.filter(
        period__budget=budget, period__spent__lt=F("percent") * budget.amount / 100
    )
    unreached.delete()
    team_id = _team_id(budget)
    record(actor, "budget.update", budget, team_id=team_id, changes=changes, name=_name(budget))
    return budget


@transaction.atomic
def remove_budget(budget: Budget, *, actor: Actor) -> None:
    """Remove a budget with its counters; the ledger stays. Raises Forbidden."""
    have_ledger_alone()
    budget = _lock(budget, actor)
    # A call that is about to hold of it waits, and then finds nothing to hold of.
    list(budget.periods.select_for_update().order_by("pk").values_list("pk"))
    changes = {"period": budget.period, "unit": budget.unit, "amount": budget.amount}
    team_id = _team_id(budget)
    record(actor, "budget.remove", budget, team_id=team_id, changes=changes, name=_name(budget))
    budget.delete()


def may_give(owner: Owner, actor: Actor) -> bool:
    """Tell whether `actor` decides on the budgets of `owner`."""
    if isinstance(owner, Project):
        return Project.objects.managed_by(actor).filter(pk=owner.pk).exists()
    if isinstance(owner, ApiKey) and actor.is_own_session and owner.user_id == actor.user_id:
        return True
    return actor.is_platform_admin


def _require_right(owner: Owner, field: str, actor: Actor) -> None:
    if not may_give(owner, actor):
        raise Forbidden(WHO_MAY[field])
    if isinstance(owner, ApiKey) and owner.revoked_at is not None:
        raise Conflict("This key is revoked: it spends nothing.")


def _require_known(**words: str) -> None:
    choices = {"period": Budget.Period.values, "unit": Budget.Unit.values}
    for name, word in words.items():
        if word not in choices[name]:
            message = f"Choose one of {', '.join(choices[name])}."
            raise Invalid(message, fields={name: [message]})


def _lock(budget: Budget, actor: Actor) -> Budget:
    # No key: to begin a period of it does not wait for whoever changes its amount.
    rows = Budget.objects.select_for_update(of=("self",), no_key=True)
    budget = rows.with_owners().get(pk=budget.pk)
    if not Budget.objects.editable_by(actor).filter(pk=budget.pk).exists():
        raise Forbidden(WHO_MAY[budget.owner])
    return budget


def _applying(budget: Budget) -> Applying:
    return Applying(
        budget.pk, budget.period, budget.unit, budget.amount, budget.owner, budget.time_zone
    )


def _team_id(budget: Budget) -> int | None:
    return budget.project.team_id if budget.project else budget.team_id


def _name(budget: Budget) -> str:
    return f"{getattr(budget, budget.owner)}: {budget}"
