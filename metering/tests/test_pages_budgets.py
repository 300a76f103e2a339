"""Pages of budgets: set by those who may, seen by those who are limited, and a line at 80 %."""

import re
from decimal import Decimal

import pytest
from django.urls import reverse

from metering.models import Budget
from metering.services import create_budget
from metering.tests.spending import hold, payer_of, spend
from restai_site.tests.world import SYSTEM, make_key

FORM = {"period": "month", "unit": "money", "amount": "12.50"}


def give(owner, amount="10", **values):
    usual = {"period": "month", "unit": "money", "amount": Decimal(amount)}
    return create_budget(owner, **(usual | values), actor=SYSTEM)


def page_of(world, kind):
    """Return the page on which budgets of `kind` are set, and the field of the owner."""
    if kind == "key":
        key = make_key(world.editor)[0]
        return f"/profile/keys/{key.pk}/budgets", {"api_key": key}
    return {
        "team": (f"/teams/{world.alpha.pk}/budgets", {"team": world.alpha}),
        "project": (f"/projects/{world.project.pk}/limits", {"project": world.project}),
        "user": (f"/users/{world.viewer.pk}/budgets", {"user": world.viewer}),
    }[kind]


SETS = {"team": "platform_admin", "project": "team_admin", "user": "platform_admin"}
SETS["key"] = "editor"


@pytest.mark.parametrize(("kind", "name"), SETS.items())
def test_a_budget_is_set_changed_and_removed_on_the_page_of_its_owner(world, as_user, kind, name):
    browser = as_user(getattr(world, name))
    path, owner = page_of(world, kind)
    assert "No budget yet" in browser.get(path).content.decode()
    assert browser.post(path, FORM).status_code == 302
    budget = Budget.objects.get(**owner)
    assert (budget.period, budget.unit, budget.amount) == ("month", "money", Decimal("12.5"))
    assert "$12.50 a month" in browser.get(path).content.decode()
    change = reverse("metering:budget", args=[budget.pk])
    assert 'value="12.5"' in browser.get(change).content.decode()
    assert browser.post(change, {"amount": "20"}).url == path
    budget.refresh_from_db()
    assert budget.amount == 20
    assert browser.post(f"{change}/remove").url == path
    assert not Budget.objects.exists()


def test_what_is_wrong_is_said_beside_the_field_and_what_was_written_stays(world, as_user):
    browser = as_user(world.platform_admin)
    path = f"/teams/{world.alpha.pk}/budgets"
    for amount in ("-1", "NaN", "1e309", "", "12,50", " 5"):
        answer = browser.post(path, {**FORM, "amount": amount})
        assert answer.status_code == 400
        assert 'aria-invalid="true"' in answer.content.decode()
    assert 'value=" 5"' in answer.content.decode()
    assert browser.post(path, {**FORM, "unit": "tokens", "amount": "1.5"}).status_code == 400
    give(world.alpha)
    answer = browser.post(path, FORM)
    assert answer.status_code == 400
    assert "change its amount" in answer.content.decode()
    assert Budget.objects.get().amount == 10


DENIED = [
    ("team", "team_admin", "post", 403),
    ("team", "member", "get", 403),
    ("team", "outsider_admin", "get", 404),
    ("project", "editor", "get", 403),
    ("project", "viewer", "get", 403),
    ("project", "member", "get", 404),
    ("project", "outsider_admin", "post", 404),
    ("user", "viewer", "get", 403),
    ("user", "team_admin", "post", 403),
    ("key", "team_admin", "get", 404),
    ("key", "viewer", "post", 404),
]


@pytest.mark.parametrize(("kind", "name", "method", "status"), DENIED)
def test_whoever_may_not_sets_nothing(world, as_user, kind, name, method, status):
    path, _ = page_of(world, kind)
    answer = getattr(as_user(getattr(world, name)), method)(path, FORM)
    assert answer.status_code == status
    assert not Budget.objects.exists()


def test_the_page_of_one_budget_is_for_those_who_may_change_it(world, as_user):
    teams, foreign = give(world.alpha), give(world.other_project)
    browser = as_user(world.team_admin)
    for budget, status in ((teams, 403), (foreign, 404)):
        for path in (f"/budgets/{budget.pk}", f"/budgets/{budget.pk}/remove"):
            assert browser.post(path, {"amount": "1"}).status_code == status
    assert set(Budget.objects.values_list("amount", flat=True)) == {10}


def test_a_team_admin_sees_the_teams_budget_and_changes_only_those_of_projects(world, as_user):
    give(world.alpha, "100")
    give(world.project, "7")
    give(world.other_project, "55")
    page = as_user(world.team_admin).get(f"/teams/{world.alpha.pk}/budgets").content.decode()
    assert "$100.00 a month" in page
    assert "$7.00 a month" in page
    assert "$55" not in page
    assert "Set a budget" not in page
    assert "remove-budget" not in page


def test_a_meter_says_what_is_spent_held_and_left(world, as_user):
    give(world.project)
    spend(payer_of(world), cost="2.50")
    hold(payer_of(world), cost="1")
    page = as_user(world.team_admin).get(f"/projects/{world.project.pk}/limits").content.decode()
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "$2.50 used (25 %), $1.00 held by running calls, $6.50 left. Begins anew on 1 " in words
    assert 'aria-valuenow="25"' in page


@pytest.mark.parametrize(
    ("cost", "tone", "word"),
    [
        ("4.99", "success", ""),
        ("5", "info", ""),
        ("8", "warning", "Nearly used up"),
        ("9.999", "warning", "Nearly used up"),
        ("10", "danger", "Used up"),
        ("12", "danger", "Used up"),
    ],
)
def test_colours_change_at_50_80_and_100_and_words_say_the_same(world, as_user, cost, tone, word):
    give(world.project)
    spend(payer_of(world), cost=cost)
    page = as_user(world.team_admin).get(f"/projects/{world.project.pk}/limits").content.decode()
    assert f"meter-{tone}" in page
    main = page[page.index('id="main"') :]
    assert {one for one in ("Nearly used up", "Used up") if one in main} == {word} - {""}


def test_the_lists_take_the_same_queries_for_one_and_for_many(
    world, as_user, django_assert_max_num_queries
):
    browser = as_user(world.platform_admin)
    for owner in (world.project, world.shared_project, world.alpha, world.viewer, world.editor):
        for period in ("day", "month"):
            for unit in ("money", "tokens"):
                give(owner, "1000", period=period, unit=unit)
    for path in ("/budgets", f"/teams/{world.alpha.pk}/budgets"):
        browser.get(path)
        with django_assert_max_num_queries(12):
            assert browser.get(path).status_code == 200
    assert "5,000" not in browser.get("/budgets").content.decode()


def test_the_list_of_all_budgets_is_searched_and_narrowed(world, as_user):
    give(world.alpha)
    give(world.other_project)
    spend(payer_of(world), cost="9")
    browser = as_user(world.platform_admin)
    rows = lambda query: re.findall(  # noqa: E731
        r'<th scope="row"><a[^>]*>([^<]*)</a>', browser.get(f"/budgets{query}").content.decode()
    )
    assert rows("") == ["Team Alpha", "Project Other"]
    assert rows("?q=other") == ["Project Other"]
    assert rows("?full=1") == ["Team Alpha"]
    assert "No budget found" in browser.get("/budgets?q=nobody").content.decode()


class TestOwn:
    def test_the_profile_shows_what_is_left(self, world, as_user):
        give(world.viewer, "20")
        spend(payer_of(world), cost="5")
        page = as_user(world.viewer).get("/profile").content.decode()
        assert "$5.00 used (25 %), $15.00 left" in page

    def test_the_amounts_of_the_team_are_not_on_it(self, world, as_user):
        give(world.alpha, "1234")
        give(world.project, "777")
        page = as_user(world.viewer).get("/profile").content.decode()
        assert "Team Alpha" in page
        assert "Project Private" in page
        assert "Not used up" in page
        assert "1,234" not in page
        assert "$777" not in page

    def test_without_a_budget_that_is_said(self, world, as_user):
        page = as_user(world.viewer).get("/profile").content.decode()
        assert "You have no budget of your own" in page

    def test_the_list_of_keys_shows_their_budgets(self, world, as_user):
        key = make_key(world.editor)[0]
        give(key, "3")
        page = as_user(world.editor).get("/profile/keys").content.decode()
        assert "$3 a month" in page
        assert f"/profile/keys/{key.pk}/budgets" in page

    def test_the_page_of_a_user_shows_theirs(self, world, as_user):
        give(world.viewer, "20")
        page = as_user(world.platform_admin).get(f"/users/{world.viewer.pk}").content.decode()
        assert "$20.00 a month" in page
        assert f"/users/{world.viewer.pk}/budgets" in page


class TestBanner:
    """A line that cannot be missed, on full pages, for those who look after the budget."""

    def banner(self, browser, path="/projects", **headers):
        page = browser.get(path, headers=headers).content.decode()
        found = re.search(
            r'<div class="banner banner-(\w+)"[^>]*"Budget warning">(.*?)</div>', page, re.DOTALL
        )
        if not found:
            return None
        return found[1], " ".join(re.sub(r"<[^>]+>", " ", found[2]).split())

    def test_it_stands_there_from_80_percent_on(self, world, as_user):
        give(world.alpha)
        browser = as_user(world.team_admin)
        spend(payer_of(world), cost="7.99")
        assert self.banner(browser) is None
        spend(payer_of(world), cost="0.01")
        tone, words = self.banner(browser)
        assert tone == "warning"
        assert words.startswith("The budget of Alpha for this month is used to 80 %; it begins")
        spend(payer_of(world), cost="2")
        tone, words = self.banner(browser)
        assert (tone, "is used up" in words) == ("danger", True)

    def test_only_those_who_may_see_the_budget_see_it(self, world, as_user):
        give(world.alpha)
        give(world.viewer)
        spend(payer_of(world), cost="9")
        told = {name for name, user in world.users().items() if self.banner(as_user(user))}
        assert told == {"team_admin", "platform_admin", "viewer"}
        assert self.banner(as_user(world.viewer))[1].startswith("Your budget for this month")

    def test_several_are_one_line(self, world, as_user):
        give(world.alpha)
        give(world.project)
        spend(payer_of(world), cost="9")
        words = self.banner(as_user(world.team_admin))[1]
        assert words.startswith("2 budgets are nearly or wholly used up")

    def test_administrators_are_not_told_of_every_users_budget(self, world, as_user):
        give(world.viewer)
        spend(payer_of(world), cost="9")
        assert self.banner(as_user(world.platform_admin)) is None

    def test_fragments_do_not_ask_for_it(self, world, as_user):
        give(world.alpha)
        spend(payer_of(world), cost="9")
        assert self.banner(as_user(world.team_admin), "/projects", **{"HX-Request": "true"}) is None

    def test_a_window_that_counts_no_more_is_not_spoken_of(self, world, as_user):
        """After a change of the time zone the month of before runs on beside the new one."""
        budget = give(world.alpha)
        spend(payer_of(world), cost="9")
        period = budget.periods.get()
        world.alpha.time_zone = "Pacific/Kiritimati"
        world.alpha.save()
        assert self.banner(as_user(world.team_admin)) is None
        period.refresh_from_db()
        assert period.spent == 9

    def test_it_is_one_query(self, world, as_user, django_assert_num_queries):
        from metering.meters import warnings_for
        from restai_site.tests.world import acting

        for owner in (world.alpha, world.project, world.shared_project):
            give(owner)
        spend(payer_of(world), cost="9")
        with django_assert_num_queries(1):
            meters = warnings_for(acting(world.team_admin))
            assert [meter.title for meter in meters] == ["Team Alpha", "Project Private"]
            assert all(meter.resets_words for meter in meters)
