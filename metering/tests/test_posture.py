"""What the security posture finds about budgets."""

from decimal import Decimal

from metering.services import create_budget
from restai_site.tests.posture import names, outcome, told
from restai_site.tests.world import SYSTEM


def give(owner):
    create_budget(owner, period="month", unit="money", amount=Decimal(10), actor=SYSTEM)


def test_teams_without_a_budget_are_named(world):
    assert told(outcome("budgets")) == (
        "warning",
        "2 teams have no budget: they may spend without limit.",
    )
    give(world.alpha)
    result = outcome("budgets")
    assert told(result)[1] == "One team has no budget: it may spend without limit."
    assert names(result) == ["Beta"]
    assert result.finding.found.examples[0].url == f"/teams/{world.beta.pk}/budgets"


def test_the_budget_of_a_project_or_a_user_is_none_of_the_team(world):
    give(world.project)
    give(world.viewer)
    assert names(outcome("budgets")) == ["Alpha", "Beta"]


def test_where_every_team_has_one_all_is_well(world):
    give(world.alpha)
    give(world.beta)
    assert told(outcome("budgets")) == ("good", "Every team has a budget.")
