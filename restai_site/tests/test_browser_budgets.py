"""Budgets in a browser: pages that everybody can read, and a chat that says why it stops."""

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from accounts.models import User
from benchmarks.mock_provider import MockProvider
from inference.models import Message
from metering.models import Budget
from metering.services import create_budget
from metering.tests.spending import hold, payer_of, spend
from projects.services import update_project
from restai_site.tests.browser import say, settled
from restai_site.tests.loopback import loopback_port
from restai_site.tests.world import SYSTEM, make_key, make_world

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


@pytest.fixture
def world(transactional_db, provider):
    provider.requests.clear()
    return make_world(provider.url)


def give(owner, amount, **values):
    usual = {"period": "month", "unit": "money", "amount": Decimal(amount)}
    return create_budget(owner, **(usual | values), actor=SYSTEM)


@pytest.fixture
def furnished(world):
    """Budgets of all kinds, from hardly used to used up."""
    world.alpha.time_zone = "America/Argentina/Buenos_Aires"
    world.alpha.save()
    world.project.refresh_from_db()
    world.key = make_key(world.viewer, "nightly report")[0]
    give(world.alpha, "250")
    give(world.alpha, "12000000", unit="tokens", period="day")
    give(world.project, "120")
    give(world.project, "5000000", unit="tokens")
    give(world.shared_project, "10", period="day")
    give(world.viewer, "150")
    give(world.key, "400", period="day")
    payer = payer_of(world, world.viewer, key=world.key)
    spend(payer, cost="100.25", tokens=3_100_000)
    hold(payer, cost="4.5", tokens=20_000)
    spend(payer_of(world, world.editor, project="shared_project"), cost="12")
    return world


def pages(world):
    return [
        "/budgets",
        "/budgets?full=1",
        "/budgets?q=nothing-like-this",
        f"/budgets/{Budget.objects.earliest('pk').pk}",
        f"/teams/{world.alpha.pk}/budgets",
        f"/teams/{world.beta.pk}/budgets",
        f"/projects/{world.project.pk}/limits",
        f"/users/{world.viewer.pk}",
        f"/users/{world.viewer.pk}/budgets",
        f"/profile/keys/{world.key.pk}/budgets",
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation_on_the_pages_of_budgets(visit, furnished, theme):
    User.objects.update(theme=theme)
    found = {}
    for person, paths in (
        (furnished.platform_admin, pages(furnished)),
        (furnished.viewer, ["/profile", "/profile/keys"]),
    ):
        visitor = visit(person)
        for path in paths:
            visitor.go(path)
            if violations := visitor.axe():
                found[path] = violations
    assert found == {}, found


def test_a_bar_is_as_long_as_what_is_used_and_no_higher_than_a_line(visit, furnished):
    visitor = visit(furnished.platform_admin)
    visitor.go(f"/projects/{furnished.project.pk}/limits")
    bars = visitor.page.evaluate(
        """[...document.querySelectorAll(".meter")].map((bar) => {
            const whole = bar.getBoundingClientRect();
            const part = bar.querySelector("rect").getBoundingClientRect();
            return [whole.height, part.height, Math.round(100 * part.width / whole.width)];
        })"""
    )
    assert bars == [[8, 8, 83], [8, 8, 62]]


def test_no_page_of_budgets_is_wider_than_a_telephone(visit, furnished):
    wide = {}
    for person, paths in (
        (furnished.platform_admin, pages(furnished)),
        (furnished.viewer, ["/profile", "/profile/keys"]),
    ):
        visitor = visit(person, width=360)
        for path in paths:
            visitor.go(path)
            if (pixels := visitor.overflow()) > 0:
                wide[path] = pixels
    assert wide == {}


def test_a_budget_is_set_changed_and_removed_in_a_browser(visit, world):
    page = visit(world.team_admin).page
    page.goto(f"/projects/{world.project.pk}")
    page.get_by_role("link", name="Limits").click()
    page.get_by_label("Amount").fill("a lot")
    page.get_by_role("button", name="Set budget").click()
    expect(page.get_by_label("Amount")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Amount").fill("25")
    page.get_by_role("button", name="Set budget").click()
    expect(page.get_by_text("$25.00 a month", exact=True)).to_be_visible()
    page.get_by_role("link", name="Change the budget of $25.00 a month").click()
    page.get_by_label("Amount").fill("30")
    page.get_by_role("button", name="Save budget").click()
    expect(page.get_by_text("$30.00 a month", exact=True)).to_be_visible()
    page.get_by_role("button", name="Remove the budget of $30.00 a month").click()
    page.get_by_role("button", name="Remove budget", exact=True).click()
    expect(page.get_by_text("No budget yet")).to_be_visible()
    assert not Budget.objects.exists()


def refusal(page):
    return page.locator("[data-refused] .trouble")


@pytest.mark.parametrize("logging", ["full", "off"])
def test_the_chat_says_when_the_budget_begins_anew_and_gives_the_words_back(visit, world, logging):
    update_project(world.project, {"inference_logging": logging}, actor=SYSTEM)
    budget = give(world.project, "0")
    visitor = visit(world.viewer)
    visitor.go(f"/projects/{world.project.pk}/chat")
    page = visitor.page
    say(page, "A long question")
    expect(refusal(page)).to_contain_text("What is left of this project's budget for this month")
    expect(refusal(page)).to_contain_text("it begins anew on 1 ")
    expect(page.locator("#composer-text")).to_have_value("A long question")
    expect(page.locator(".message-user")).to_have_count(0)
    expect(page.locator("#announcer")).to_contain_text("begins anew")
    assert visitor.axe() == []
    assert not Message.objects.exists()
    Budget.objects.filter(pk=budget.pk).update(amount=100)
    page.locator("#send").click()
    settled(page)
    expect(refusal(page)).to_have_count(0)
    expect(page.locator(".message-user")).to_have_text(["YouA long question"])


def test_what_was_written_meanwhile_is_not_lost_when_a_later_question_is_refused(visit, world):
    budget = give(world.project, "100")
    visitor = visit(world.viewer)
    visitor.go(f"/projects/{world.project.pk}/chat")
    page = visitor.page
    say(page, "First")
    settled(page)
    Budget.objects.filter(pk=budget.pk).update(amount=0)
    say(page, "Second")
    expect(refusal(page)).to_be_visible()
    expect(page.locator("#composer-text")).to_have_value("Second")
    expect(page.locator(".message-user")).to_have_count(1)
    say(page, "Third")
    expect(refusal(page)).to_have_count(1)
    expect(page.locator("#composer-text")).to_have_value("Third")
