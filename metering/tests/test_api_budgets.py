"""/api/budgets: whoever gives budgets sets them, whoever is limited sees what is left."""

import re
from decimal import Decimal

import pytest

from metering.models import Budget
from metering.services import create_budget
from metering.tests.spending import hold, payer_of, spend
from metering.tests.test_amounts import NO_AMOUNTS
from restai_site.tests.world import SYSTEM, make_key

URL = "/api/budgets"


def give(owner, amount="10", **values):
    usual = {"period": "month", "unit": "money", "amount": Decimal(amount)}
    return create_budget(owner, **(usual | values), actor=SYSTEM)


@pytest.fixture
def budgets(world):
    """One of each, by owner; the key is the editor's."""
    key = make_key(world.editor)[0]
    owners = {
        "team": world.alpha,
        "project": world.project,
        "user": world.viewer,
        "api_key": key,
        "other_team": world.beta,
        "other_project": world.other_project,
        "other_user": world.outsider,
    }
    return {name: give(owner).pk for name, owner in owners.items()}


def seen(browser, query=""):
    body = browser.get(f"{URL}{query}").json()
    assert body["count"] == len(body["results"])
    return {row["id"] for row in body["results"]}


SEEN = {
    "viewer": {"user"},
    "member": set(),
    "editor": {"api_key"},
    "team_admin": {"team", "project"},
    "outsider": {"other_user"},
    "outsider_admin": {"other_team", "other_project"},
}


@pytest.mark.parametrize(("name", "names"), SEEN.items())
def test_people_see_what_limits_them_by_name_and_admins_their_teams(
    world, as_user, budgets, name, names
):
    browser = as_user(getattr(world, name))
    visible = {budgets[one] for one in names}
    assert seen(browser) == visible
    for pk in budgets.values():
        assert browser.get(f"{URL}/{pk}").status_code == (200 if pk in visible else 404)


def test_platform_administrators_see_all(world, as_user, budgets):
    assert seen(as_user(world.platform_admin)) == set(budgets.values())


def test_filters_narrow_and_never_widen(world, as_user, budgets):
    admin = as_user(world.platform_admin)
    assert seen(admin, f"?team={world.alpha.pk}") == {budgets["team"]}
    assert seen(admin, f"?project={world.project.pk}") == {budgets["project"]}
    assert seen(admin, f"?user={world.viewer.pk}") == {budgets["user"]}
    assert seen(admin, "?unit=tokens") == set()
    assert seen(admin, "?period=day") == set()
    mine = as_user(world.team_admin)
    for query in (f"team={world.beta.pk}", f"user={world.viewer.pk}", f"team={2**70}"):
        assert seen(mine, f"?{query}") == set()
    for query in ("team=x", "period=year", "unit=euros"):
        assert mine.get(f"{URL}?{query}").status_code == 400


def test_a_budget_tells_what_is_spent_held_and_left(world, as_user):
    give(world.project)
    spend(payer_of(world), cost="2.50")
    hold(payer_of(world), cost="1")
    (row,) = as_user(world.team_admin).get(URL).json()["results"]
    assert {name: row[name] for name in ("amount", "spent", "reserved", "remaining")} == {
        "amount": "10",
        "spent": "2.5",
        "reserved": "1",
        "remaining": "6.5",
    }
    assert (row["percent"], row["is_used_up"]) == (25, False)
    assert re.fullmatch(r"\d{4}-\d\d-01T00:00:00Z", row["resets_at"])


def test_a_period_that_nobody_has_begun_shows_what_the_ledger_holds(world, as_user):
    budget = give(world.project)
    spend(payer_of(world), cost="4")
    budget.periods.all().delete()
    (row,) = as_user(world.team_admin).get(URL).json()["results"]
    assert row["spent"] == "4"


def new(**values):
    return {"period": "month", "unit": "money", "amount": "25.5", **values}


def test_a_budget_is_set_changed_and_removed(world, as_user):
    browser = as_user(world.team_admin)
    answer = browser.post(URL, new(project=world.project.pk), "application/json")
    assert answer.status_code == 201
    row = answer.json()
    assert (row["project"], row["team"], row["amount"]) == (world.project.pk, None, "25.5")
    path = f"{URL}/{row['id']}"
    changed = browser.patch(path, {"amount": 30}, "application/json")
    assert (changed.status_code, changed.json()["amount"]) == (200, "30")
    assert Budget.objects.get().amount == 30
    assert browser.patch(path, {}, "application/json").json()["amount"] == "30"
    assert browser.delete(path).status_code == 204
    assert not Budget.objects.exists()


def test_a_second_one_of_the_same_kind_is_a_conflict(world, as_user):
    browser = as_user(world.team_admin)
    body = new(project=world.project.pk)
    assert browser.post(URL, body, "application/json").status_code == 201
    answer = browser.post(URL, {**body, "amount": "99"}, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert Budget.objects.get().amount == Decimal("25.5")


def test_a_patch_changes_the_amount_and_nothing_else(world, as_user):
    budget = give(world.project)
    body = {
        "amount": "5",
        "project": world.other_project.pk,
        "team": world.beta.pk,
        "period": "day",
        "unit": "tokens",
        "spent": "0",
        "id": 1,
    }
    browser = as_user(world.platform_admin)
    assert browser.patch(f"{URL}/{budget.pk}", body, "application/json").status_code == 200
    after = Budget.objects.get()
    assert (after.pk, after.owner, after.project_id) == (budget.pk, "project", world.project.pk)
    assert (after.period, after.unit, after.amount) == ("month", "money", 5)


def test_a_budget_has_exactly_one_owner(world, as_user):
    browser = as_user(world.platform_admin)
    for owners in (
        {},
        {"team": None},
        {"team": world.alpha.pk, "project": world.project.pk},
        {"user": world.viewer.pk, "team": world.alpha.pk},
    ):
        answer = browser.post(URL, new(**owners), "application/json")
        assert answer.status_code == 400, owners
    assert not Budget.objects.exists()


def test_owners_of_other_tenants_are_as_good_as_missing(world, as_user):
    browser = as_user(world.team_admin)
    foreign_key = make_key(world.outsider)[0]
    for field, row in (
        ("team", world.beta),
        ("project", world.other_project),
        ("user", world.outsider),
        ("api_key", foreign_key),
    ):
        answer = browser.post(URL, new(**{field: row.pk}), "application/json")
        missing = browser.post(URL, new(**{field: 2_000_000_000}), "application/json")
        assert answer.status_code == missing.status_code == 400
        assert answer.json()["errors"] == missing.json()["errors"]
    assert not Budget.objects.exists()


def test_what_is_seen_is_not_always_given(world, as_user, budgets):
    """A team admin sees the team's budget, a user their own; neither raises it."""
    for name, owner in (("team_admin", "team"), ("viewer", "user")):
        browser = as_user(getattr(world, name))
        path = f"{URL}/{budgets[owner]}"
        assert browser.patch(path, {"amount": "999"}, "application/json").status_code == 403
        assert browser.delete(path).status_code == 403
    answer = as_user(world.team_admin).post(
        URL, new(team=world.alpha.pk, period="day"), "application/json"
    )
    assert answer.status_code == 403
    assert set(Budget.objects.values_list("amount", flat=True)) == {10}


@pytest.mark.parametrize(
    "amount",
    [
        *(text for text in NO_AMOUNTS if text != "\0"),
        None,
        True,
        [],
        {},
        -1,
        1.5e300,
        10**30,
        -(10**30),
        0.0000001,
        1e16,
        ["1"],
    ],
)
def test_what_is_no_amount_is_refused(world, as_user, amount):
    browser = as_user(world.platform_admin)
    budget = give(world.beta)
    for send in (
        lambda: browser.post(URL, new(team=world.alpha.pk, amount=amount), "application/json"),
        lambda: browser.patch(f"{URL}/{budget.pk}", {"amount": amount}, "application/json"),
    ):
        answer = send()
        assert answer.status_code == 400
        assert "amount" in answer.json()["errors"]
    assert Budget.objects.get().amount == 10


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e309", "1e999999999"])
def test_numbers_that_json_cannot_hold_are_refused(world, as_user, text):
    body = f'{{"team": {world.alpha.pk}, "period": "month", "unit": "money", "amount": {text}}}'
    answer = as_user(world.platform_admin).post(URL, body, "application/json")
    assert answer.status_code == 400
    assert not Budget.objects.exists()


def test_the_list_takes_the_same_queries_for_one_and_for_many(
    world, as_user, django_assert_num_queries
):
    browser = as_user(world.platform_admin)
    give(world.alpha)
    browser.get(URL)
    with django_assert_num_queries(4):  # session, count, page, meters
        browser.get(URL)
    for owner in (world.beta, world.project, world.shared_project, world.viewer, world.editor):
        for period in ("day", "month"):
            give(owner, period=period)
    give(make_key(world.editor)[0])
    with django_assert_num_queries(4):
        assert browser.get(URL).json()["count"] == 12


class TestMine:
    """`GET /api/budgets/mine`: what the calls of the caller count to."""

    def mine(self, browser):
        return {
            row["owner"]: (row["amount"], row["spent"], row["remaining"], row["is_used_up"])
            for row in browser.get(f"{URL}/mine").json()["results"]
        }

    def test_people_see_what_is_left_of_their_own(self, world, as_user, budgets):
        spend(payer_of(world), cost="4")
        rows = self.mine(as_user(world.viewer))
        assert rows["user"] == ("10", "4", "6", False)

    def test_of_their_team_and_project_only_whether_it_is_used_up(self, world, as_user, budgets):
        spend(payer_of(world, world.editor), cost="10")
        rows = self.mine(as_user(world.viewer))
        assert rows == {
            "user": ("10", "0", "10", False),
            "team": (None, None, None, True),
            "project": (None, None, None, True),
        }

    def test_those_who_run_the_team_see_its_amounts(self, world, as_user, budgets):
        assert self.mine(as_user(world.team_admin))["team"] == ("10", "0", "10", False)

    def test_a_project_that_somebody_does_not_use_is_not_there(self, world, as_user, budgets):
        rows = self.mine(as_user(world.member))
        assert set(rows) == {"team"}
        assert set(self.mine(as_user(world.outsider))) == {"team", "user"}

    def test_a_key_sees_its_own_and_what_else_its_calls_count_to(self, world, api, budgets):
        limited, plaintext = make_key(world.editor, project_ids=[world.project.pk])
        give(limited, amount="3")
        give(world.editor, amount="4")
        rows = self.mine(api.with_key(plaintext))
        assert rows == {
            "api_key": ("3", "0", "3", False),
            "user": (None, None, None, False),
            "project": (None, None, None, False),
            "team": (None, None, None, False),
        }

    def test_an_administrator_is_not_shown_everybodys(self, world, as_user, budgets):
        assert self.mine(as_user(world.platform_admin)) == {}

    def test_a_key_for_chats_alone_reads_none(self, world, api, budgets):
        api.with_key(make_key(world.viewer, scope="chat")[1])
        assert api.get(f"{URL}/mine").status_code == 403

    def test_it_is_paged_and_nobody_reads_it_without_a_credential(self, world, as_user, api):
        for period in ("day", "month"):
            for unit in ("money", "tokens"):
                give(world.viewer, period=period, unit=unit)
        body = as_user(world.viewer).get(f"{URL}/mine?page_size=3").json()
        assert (body["count"], len(body["results"])) == (4, 3)
        assert api.get(f"{URL}/mine").status_code == 401
