"""Tools that bring their own pages keep working under our content security policy."""

import shutil

import pytest
from django.test import Client
from playwright.sync_api import sync_playwright

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def page(server, transactional_db, world):
    """A page of a platform administrator that notes what the policy refused."""
    browser_session = Client()
    browser_session.force_login(world.platform_admin)
    cookie = browser_session.cookies["session"].value
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        context = browser.new_context(base_url=server.url)
        context.add_cookies([{"name": "session", "value": cookie, "url": server.url}])
        page = context.new_page()
        page.refused = []
        page.on("console", lambda message: _note(page, message.text))
        page.on("pageerror", lambda error: page.refused.append(str(error)))
        page.on("request", lambda request: _note_foreign(page, server, request.url))
        yield page
        browser.close()


def _note(page, text: str) -> None:
    if "Content Security Policy" in text or "Refused" in text:
        page.refused.append(text)


def _note_foreign(page, server, url: str) -> None:
    if not url.startswith((server.url, "data:", "blob:", "about:")):
        page.refused.append(f"a request to {url}")


def test_the_documentation_page_shows_the_schema(page):
    page.goto("/api/docs")
    page.wait_for_selector("[data-path='/api/projects']", timeout=20000)
    assert page.refused == []


def test_the_browsable_api_reads_and_writes(page, world):
    page.goto(f"/api/teams/{world.alpha.pk}")
    page.fill("textarea[name=_content]", '{"name": "Renamed in the browser"}')
    page.click("button:has-text('PATCH')")
    page.wait_for_selector("text=HTTP 200 OK")
    assert page.refused == []
    assert "Renamed in the browser" in page.inner_text(".response-info")


def test_the_administration_lists_completes_and_saves(page, world):
    for path in ("/admin/", "/admin/projects/project/", "/admin/audit/entry/"):
        page.goto(path)
        assert page.refused == [], path
    page.goto("/admin/projects/project/add/")
    for place, choice in ((0, "Alpha"), (1, "alpha-llm")):
        page.click(f".select2-selection >> nth={place}")
        page.click(f".select2-results__option >> text={choice}")
    page.fill("#id_name", "Made in the browser")
    page.click("input[name=_save]")
    page.wait_for_selector("text=was added successfully")
    assert page.refused == []
