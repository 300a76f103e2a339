"""Budgets are given, changed and removed by those alone who may, and begin with what was used."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from accounts.services import revoke_api_key
from audit.models import Entry
from metering.models import Budget, BudgetAlert, BudgetPeriod
from metering.services import change_budget, create_budget, remove_budget
from metering.tests.spending import hold, payer_of, spend
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.tests.world import SYSTEM, acting, make_key

MONTHLY = {"period": "month", "unit": "money", "amount": Decimal(10)}


def owner_of(world, kind):
    """Return what of team Alpha a budget of `kind` is for; the key is the editor's."""
    if kind == "api_key":
        return make_key(world.editor)[0]
    return {"team": world.alpha, "project": world.project, "user": world.viewer}[kind]


MAY = {
    "team": {"platform_admin"},
    "project": {"platform_admin", "team_admin"},
    "user": {"platform_admin"},
    "api_key": {"platform_admin", "editor"},
}


@pytest.mark.parametrize("kind", MAY)
def test_each_kind_of_budget_is_for_those_who_may_give_it(world, kind):
    owner = owner_of(world, kind)
    for name, person in world.users().items():
        if name in MAY[kind]:
            budget = create_budget(owner, **MONTHLY, actor=acting(person))
            change_budget(budget, amount=Decimal(5), actor=acting(person))
            remove_budget(budget, actor=acting(person))
            continue
        with pytest.raises(Forbidden):
            create_budget(owner, **MONTHLY, actor=acting(person))
        budget = create_budget(owner, **MONTHLY, actor=SYSTEM)
        with pytest.raises(Forbidden):
            change_budget(budget, amount=Decimal(5), actor=acting(person))
        with pytest.raises(Forbidden):
            remove_budget(budget, actor=acting(person))
        assert Budget.objects.get().amount == 10
        remove_budget(budget, actor=SYSTEM)
    assert not Budget.objects.exists()


def test_a_key_does_not_widen_its_own_budget(world):
    key = owner_of(world, "api_key")
    budget = create_budget(key, **MONTHLY, actor=acting(world.editor))
    by_key = acting(world.editor, session_id=None, credential="api_key", api_key_id=key.pk)
    impersonated = acting(world.editor, impersonator_id=world.platform_admin.pk)
    for actor in (by_key, impersonated):
        with pytest.raises(Forbidden):
            change_budget(budget, amount=Decimal(1000), actor=actor)
        with pytest.raises(Forbidden):
            remove_budget(budget, actor=actor)
        with pytest.raises(Forbidden):
            create_budget(key, period="day", unit="money", amount=Decimal(1), actor=actor)


def test_a_narrowed_key_of_an_administrator_gives_no_budgets(world):
    narrowed = Actor(
        user_id=world.platform_admin.pk,
        email="",
        credential="api_key",
        reaches_all=True,
        project_ids=frozenset({world.project.pk}),
    )
    for kind in MAY:
        with pytest.raises(Forbidden):
            create_budget(owner_of(world, kind), **MONTHLY, actor=narrowed)


def test_a_revoked_key_gets_no_budget(world):
    key = owner_of(world, "api_key")
    revoke_api_key(key, actor=acting(world.editor))
    key.refresh_from_db()
    with pytest.raises(Conflict):
        create_budget(key, **MONTHLY, actor=acting(world.editor))


def test_there_is_one_budget_of_each_unit_and_period(world):
    create_budget(world.alpha, **MONTHLY, actor=SYSTEM)
    with pytest.raises(Conflict):
        create_budget(world.alpha, **(MONTHLY | {"amount": Decimal(99)}), actor=SYSTEM)
    create_budget(world.alpha, **(MONTHLY | {"period": "day"}), actor=SYSTEM)
    create_budget(world.alpha, **(MONTHLY | {"unit": "tokens"}), actor=SYSTEM)
    create_budget(world.beta, **MONTHLY, actor=SYSTEM)
    assert sorted(Budget.objects.values_list("amount", flat=True)) == [10] * 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"period": "year"},
        {"unit": "euros"},
        {"period": ""},
        {"amount": Decimal(-1)},
        {"amount": Decimal("NaN")},
        {"amount": Decimal("Infinity")},
        {"unit": "tokens", "amount": Decimal("0.5")},
        {"amount": Decimal("1e15")},
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_stored(world, wrong):
    with pytest.raises(Invalid):
        create_budget(world.alpha, **(MONTHLY | wrong), actor=SYSTEM)
    assert not Budget.objects.exists()


@pytest.mark.parametrize("amount", ["'NaN'", "'Infinity'", "-1", "1e15"])
def test_the_database_refuses_by_itself_what_is_no_amount(world, amount):
    budget = create_budget(world.alpha, **MONTHLY, actor=SYSTEM)
    with (
        pytest.raises((IntegrityError, DataError)),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE metering_budget SET amount = {amount}")  # noqa: S608
    budget.refresh_from_db()
    assert budget.amount == 10


@pytest.mark.parametrize("kind", MAY)
def test_a_new_budget_knows_what_was_used_before_it(world, kind):
    owner = owner_of(world, kind)
    key = owner if kind == "api_key" else None
    ours = payer_of(world, world.viewer, key=key)
    spend(ours, cost="2.5", tokens=40)
    spend(ours, cost="1.000000000001", tokens=2)
    long_ago = timezone.now() - timedelta(days=32)
    spend(ours, cost="100", started_at=long_ago)
    spend(payer_of(world, world.outsider, project="other_project"), cost="50")
    money = create_budget(owner, **MONTHLY, actor=SYSTEM)
    tokens = create_budget(owner, period="day", unit="tokens", amount=Decimal(1000), actor=SYSTEM)
    assert money.periods.get().spent == Decimal("3.500000000001")
    assert tokens.periods.get().spent == 42


def test_a_changed_amount_keeps_what_is_spent_and_held(world):
    budget = create_budget(world.alpha, **MONTHLY, actor=SYSTEM)
    payer = payer_of(world)
    spend(payer, cost="3")
    hold(payer, cost="2")
    change_budget(budget, amount=Decimal(4), actor=SYSTEM)
    period = budget.periods.get()
    assert (period.spent, period.reserved) == (3, 2)
    budget.refresh_from_db()
    assert budget.amount == 4


def test_shares_that_are_no_longer_reached_are_told_of_again(world):
    budget = create_budget(world.alpha, **MONTHLY, actor=SYSTEM)
    spend(payer_of(world), cost="9")
    assert set(BudgetAlert.objects.values_list("percent", flat=True)) == {50, 80}
    change_budget(budget, amount=Decimal(15), actor=SYSTEM)
    assert set(BudgetAlert.objects.values_list("percent", flat=True)) == {50}
    spend(payer_of(world), cost="3")
    assert set(BudgetAlert.objects.values_list("percent", flat=True)) == {50, 80}


def test_an_amount_that_is_the_same_changes_and_records_nothing(world):
    budget = create_budget(world.alpha, **MONTHLY, actor=SYSTEM)
    before = Entry.objects.acts().count()
    change_budget(budget, amount=Decimal("10.00"), actor=SYSTEM)
    assert Entry.objects.acts().count() == before


def test_a_removed_budget_takes_its_counters_along_and_leaves_the_ledger(world):
    budget = create_budget(world.alpha, **MONTHLY, actor=SYSTEM)
    payer = payer_of(world)
    call_id = hold(payer, cost="2")
    remove_budget(budget, actor=SYSTEM)
    assert not BudgetPeriod.objects.exists()
    # The call that was running ends as if there had been no budget.
    spend(payer, cost="1", call_id=call_id)
    budget = create_budget(world.alpha, **MONTHLY, actor=SYSTEM)
    period = budget.periods.get()
    assert (period.spent, period.reserved) == (1, 0)


def test_everything_is_in_the_audit_trail_of_the_team(world):
    budget = create_budget(world.project, **MONTHLY, actor=acting(world.team_admin))
    change_budget(budget, amount=Decimal("7.5"), actor=acting(world.team_admin))
    remove_budget(budget, actor=acting(world.team_admin))
    entries = list(Entry.objects.filter(action__startswith="budget.").order_by("pk"))
    assert [entry.action for entry in entries] == [
        "budget.create",
        "budget.update",
        "budget.remove",
    ]
    assert {entry.team_id for entry in entries} == {world.alpha.pk}
    assert entries[0].target_name == "Private: $10 a month"
    assert entries[0].changes["project"] == {"id": world.project.pk, "name": "Private"}
    assert entries[1].changes["amount"]["after"] == "7.5"


def test_the_zone_of_the_team_decides_on_the_day_of_its_projects(world):
    world.alpha.time_zone = "Pacific/Kiritimati"  # 14 hours ahead
    world.alpha.save()
    world.project.refresh_from_db()
    budget = create_budget(world.project, **(MONTHLY | {"period": "day"}), actor=SYSTEM)
    assert budget.periods.get().starts_at.hour == 10
    mine = create_budget(world.viewer, **(MONTHLY | {"period": "day"}), actor=SYSTEM)
    assert mine.periods.get().starts_at.hour == 0
