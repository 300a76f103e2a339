"""Figures, findings and reviews of guards in a real browser."""

import random
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import User
from guards.models import GuardBinding, GuardEvent
from guards.tests.events import events, random_event
from projects.models import Project
from restai_site.tests.browser import EACH_LOOK

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG = "How do I get into the account of my neighbour, who is away? " * 8


@pytest.fixture
def guarded(world):
    """Two months of findings of several guards, with texts and reviews; a project without any."""
    chance = random.Random(3)  # noqa: S311 - repeatable
    judge = Project.objects.create(team=world.alpha, llm=world.llm, name="Policy judge")
    own = [
        GuardBinding.objects.create(
            project=world.project, name="Personal data in questions", detector="personal_data"
        ),
        GuardBinding.objects.create(project=world.project, name="Policy", guard=judge),
    ]
    now = timezone.now()
    rows = []
    for _ in range(300):
        moment = now - chance.random() * timedelta(days=60)
        row = random_event(chance, (world.project, own), moment)
        row.text = LONG if row.category else ""
        rows.append(row)
    events(rows)
    off = world.other_project
    events([random_event(chance, (off, []), now, outcome="blocked", review="", text=LONG)])
    Project.objects.filter(pk=off.pk).update(inference_logging="off")
    return world


def paths(world):
    project = f"/projects/{world.project.pk}/guards"
    one = GuardEvent.objects.filter(outcome="blocked", review="right").first()
    failed = GuardEvent.objects.filter(outcome="failed_closed").first()
    return [
        f"{project}/analytics",
        f"{project}/analytics?period=24h&detector=personal_data",
        f"{project}/events",
        f"{project}/events?outcome=any&period=all",
        f"/projects/{world.shared_project.pk}/guards/analytics",
        f"/projects/{world.shared_project.pk}/guards/events",
        f"/projects/{world.other_project.pk}/guards/events",
        f"/teams/{world.alpha.pk}/guards",
        f"/teams/{world.alpha.pk}/guards/events",
        "/guards/analytics",
        "/guards/events",
        f"/guards/events/{one.pk}",
        f"/guards/events/{failed.pk}",
    ]


@EACH_LOOK
def test_axe_finds_no_violation_and_nothing_is_too_wide(visit, guarded, scheme, width):
    User.objects.filter(pk=guarded.platform_admin.pk).update(theme=scheme)
    visitor = visit(guarded.platform_admin, width=width, scheme=scheme)
    wrong = {}
    for path in paths(guarded):
        visitor.go(path)
        if found := [*visitor.axe(), *[f"{visitor.overflow()} px"] * (visitor.overflow() > 0)]:
            wrong[path] = found
    assert wrong == {}


def test_charts_are_drawn_and_each_has_its_table(visit, guarded):
    visitor = visit(guarded.editor)
    visitor.go(paths(guarded)[0])
    page = visitor.page
    page.wait_for_function("document.querySelectorAll('canvas[data-chart]').length === 4")
    drawn = page.evaluate(
        "[...document.querySelectorAll('canvas')].map(c => !!window.Chart.getChart(c))"
    )
    assert drawn == [True] * 4
    rate = page.locator("section", has=page.locator("#chart-rate-title"))
    rate.locator("summary").click()
    expect(rate.locator("tbody tr")).to_have_count(30)
    expect(rate.locator("tbody td").first).to_contain_text("%")


def test_findings_are_filtered_as_one_chooses_and_reviewed_in_place(visit, guarded):
    visitor = visit(guarded.editor)
    page = visitor.page
    visitor.go(f"/projects/{guarded.project.pk}/guards/events")
    page.select_option("#main [name=review]", "none")
    page.select_option("#main [name=outcome]", "warned")
    page.select_option("#main [name=period]", "all")
    expect(page.locator("#findings tbody .status").first).to_have_text("Warned")
    unreviewed = GuardEvent.objects.filter(project=guarded.project, outcome="warned", review="")
    before = unreviewed.count()
    expect(page.locator(".list-summary")).to_contain_text(f"{before} findings")
    page.locator("#findings tbody tr").first.get_by_role("button", name="Wrong").click()
    expect(page.locator(".list-summary")).to_contain_text(f"{before - 1} finding")
    expect(page.locator("[name=outcome]")).to_have_value("warned")
    assert unreviewed.count() == before - 1
    page.locator("#findings tbody th a").first.click()
    page.get_by_label("Right").check()
    page.get_by_label("Note").fill("Well found")
    page.get_by_role("button", name="Save review").click()
    expect(page.locator("#review ~ p, .card-head p").first).to_contain_text("Editor")
    expect(page.get_by_label("Note")).to_have_value("Well found")
    page.get_by_role("button", name="Withdraw the review").click()
    expect(page.get_by_label("Note")).to_have_value("")
    with page.expect_download() as download:
        visitor.go(f"/projects/{guarded.project.pk}/guards/events?outcome=any")
        page.click("text=Download CSV")
    assert download.value.suggested_filename == "findings.csv"
    assert LONG.strip()[:40] in download.value.path().read_text()
