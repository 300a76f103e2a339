"""Tools that bring their own pages keep working under our content security policy."""

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_documentation_page_shows_the_schema(visit, world):
    visitor = visit(world.viewer)
    visitor.go("/api/docs")
    visitor.page.click("[data-tag='projects']")
    visitor.page.wait_for_selector("[data-path='/api/projects']")


def test_the_browsable_api_reads_and_writes(visit, world):
    visitor = visit(world.platform_admin)
    visitor.go(f"/api/teams/{world.alpha.pk}")
    visitor.page.fill("textarea[name=_content]", '{"name": "Renamed in the browser"}')
    visitor.page.click("button:has-text('PATCH')")
    visitor.page.wait_for_selector(".response-info >> text=Renamed in the browser")


def test_the_administration_lists_completes_and_saves(visit, world):
    visitor = visit(world.platform_admin)
    for path in ("/admin/", "/admin/projects/project/", "/admin/audit/entry/"):
        visitor.go(path)
    visitor.go("/admin/projects/project/add/")
    for place, choice in ((0, "Alpha"), (1, "alpha-llm")):
        visitor.page.click(f".select2-selection >> nth={place}")
        visitor.page.click(f".select2-results__option >> text={choice}")
    visitor.page.fill("#id_name", "Made in the browser")
    visitor.page.click("input[name=_save]")
    visitor.page.wait_for_selector("text=was added successfully")
