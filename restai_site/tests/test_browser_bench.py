"""The test bench in a browser: pages that everybody can read, and a run whose progress is seen."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from playwright.sync_api import expect

from accounts.models import User
from benchmarks.mock_provider import MockProvider
from guards.models import GuardRun
from guards.shipped import load_shipped
from inference.bench.runner import go_on
from inference.tests.bench import detector_run, judge_run, make_set, shipped
from inference.tests.guarding import judge_llm, make_guard
from projects.services import set_prompt
from restai_site.tests.background import waiting
from restai_site.tests.loopback import loopback_port
from restai_site.tests.world import SYSTEM, make_world

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


@pytest.fixture
def world(transactional_db, provider):
    provider.requests.clear()
    waiting()
    load_shipped()
    return make_world(provider.url)


def work():
    """Do as the worker does; in a thread, for the browser's driver keeps a loop in this one."""

    def run_all():
        for job in waiting():
            go_on(*job.args)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run_all).result()


@pytest.fixture
def furnished(world):
    """Runs in every state, over sets large and small."""
    guard = make_guard(
        world, "No sweets", llm=judge_llm(world), prompt="Nothing about sweets.\nBe strict."
    )
    world.sweets = make_set(world.alpha)
    world.first = judge_run(world, guard=guard, chosen=world.sweets, label="Strict")
    set_prompt(guard, "Nothing about sweets.\nBe kind.", actor=SYSTEM)
    guard.refresh_from_db()
    world.second = judge_run(world, guard=guard, chosen=world.sweets, threshold=0.95)
    world.rules = detector_run(world, shipped(), slug="injection")
    work()
    broken = make_guard(world, "Broken", llm=judge_llm(world, "error-500"))
    world.broken = judge_run(world, guard=broken, chosen=world.sweets)
    work()
    world.waits = detector_run(world, shipped("unsafe_requests"), slug="classifier")
    GuardRun.objects.filter(pk=world.waits.pk).update(state="running", done=23)
    return world


def pages(world):
    return [
        "/guards/bench",
        "/guards/bench?q=nothing-like-this",
        "/guards/bench/new",
        "/guards/bench/new?judge=detector-patterns",
        "/guards/bench/try?judge=detector-personal_data",
        "/guards/bench/sets",
        "/guards/bench/sets/new",
        f"/guards/bench/sets/{shipped().pk}",
        f"/guards/bench/sets/{world.sweets.pk}",
        *(f"/guards/bench/runs/{run.pk}" for run in (world.first, world.rules, world.broken)),
        f"/guards/bench/runs/{world.waits.pk}",
        f"/guards/bench/compare?first={world.first.pk}&second={world.second.pk}",
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation_on_the_pages_of_the_bench(visit, furnished, theme):
    User.objects.update(theme=theme)
    visitor = visit(furnished.team_admin)
    found = {}
    for path in pages(furnished):
        visitor.go(path)
        if violations := visitor.axe():
            found[path] = violations
    assert found == {}, found


def test_no_page_of_the_bench_is_wider_than_a_telephone(visit, furnished):
    visitor = visit(furnished.team_admin, width=360)
    wide = {}
    for path in pages(furnished):
        visitor.go(path)
        if (pixels := visitor.overflow()) > 0:
            wide[path] = pixels
    assert wide == {}


def test_a_run_is_started_watched_and_read(visit, world):
    page = visit(world.editor).page
    page.goto("/guards/bench/new")
    page.get_by_label("Guard").select_option("detector-injection")
    expect(page.get_by_label("Threshold").first).to_be_visible()
    page.get_by_label("Set").select_option(label="Prompt injection")
    page.get_by_role("button", name="Start run").click()
    expect(page.get_by_text("0 of 60 texts judged.")).to_be_visible()
    run = GuardRun.objects.get()
    # Somebody judges behind the page, which finds out by itself.
    GuardRun.objects.filter(pk=run.pk).update(state="running", done=12)
    expect(page.get_by_text("12 of 60 texts judged.")).to_be_visible()
    work()
    expect(page.get_by_role("heading", name="Confusion matrix")).to_be_visible()
    expect(page.locator("canvas")).to_be_visible()
    page.get_by_text("Show as table").click()
    expect(page.get_by_role("columnheader", name="False alarms")).to_be_visible()


def test_a_set_is_uploaded_with_a_mistake_and_then_without(visit, world):
    page = visit(world.editor).page
    page.goto("/guards/bench/sets/new")
    page.get_by_label("Name").fill("Mine")

    def choose(text):
        file = {"name": "set.csv", "mimeType": "text/csv", "buffer": text.encode()}
        page.get_by_label("File", exact=True).set_input_files(file)
        page.get_by_role("button", name="Upload set").click()

    choose("text,label\nHello,perhaps\n")
    expect(page.get_by_text("Line 2: the label is").first).to_be_visible()
    choose("text,label\nHello,safe\n")
    expect(page.get_by_role("heading", name="Mine", level=1)).to_be_visible()
