"""Permissions in a real browser."""

import pytest
from playwright.sync_api import expect

from accounts.models import User
from projects.models import Project
from projects.tests.permissions.people import make_both
from restai_site.tests.browser import EACH_LOOK
from restai_site.tests.world import SYSTEM, make_key, make_user
from teams.services import add_member

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def peopled(world):
    """Accounts of every kind, many projects, and keys with all limits."""
    make_both(world)
    names = ("Contract review", "Help desk", "Onboarding of new colleagues in the field", "Search")
    Project.objects.bulk_create(
        Project(team=world.alpha, llm=world.llm, name=name, visibility="team") for name in names
    )
    Project.objects.bulk_create(
        Project(team=world.alpha, llm=world.llm, name=f"Report {number:02}") for number in range(30)
    )
    for name, flags in (
        ("restricted_with_a_rather_long_name", {"is_restricted": True}),
        ("suspended", {"is_active": False}),
    ):
        person = make_user(name, **flags)
        add_member(world.alpha, person, actor=SYSTEM)
    make_key(world.team_admin, "Nightly report", team_id=world.alpha.pk, scope="read")
    make_key(world.team_admin, "Laptop", allowed_networks=["192.0.2.0/24"])
    add_member(world.alpha, world.platform_admin, actor=SYSTEM)
    return world


def paths(world):
    suspended = User.objects.get(email="suspended@example.org")
    restricted = User.objects.get(is_restricted=True)
    both = User.objects.get(email="shared-person@example.org")
    return [
        "/permissions",
        "/permissions?q=nobody-like-this",
        f"/permissions?team={world.alpha.pk}",
        f"/permissions?project={world.project.pk}",
        f"/permissions?team={world.alpha.pk}&access=none",
        f"/permissions/users/{world.team_admin.pk}",
        f"/permissions/users/{world.team_admin.pk}?key={world.team_admin.api_keys.first().pk}",
        f"/permissions/users/{both.pk}",
        f"/permissions/users/{suspended.pk}",
        f"/permissions/users/{restricted.pk}",
    ]


@EACH_LOOK
@pytest.mark.parametrize("role", ["platform_admin", "team_admin"])
def test_axe_finds_no_violation_and_nothing_is_too_wide(visit, peopled, role, scheme, width):
    reader = getattr(peopled, role)
    User.objects.filter(pk=reader.pk).update(theme=scheme)
    visitor = visit(reader, width=width, scheme=scheme)
    wrong = {}
    for path in paths(peopled):
        visitor.go(path)
        if found := [*visitor.axe(), *[f"{visitor.overflow()} px"] * (visitor.overflow() > 0)]:
            wrong[path] = found
    assert wrong == {}


def test_filters_work_as_they_are_chosen_and_stand_in_the_address(visit, peopled):
    visitor = visit(peopled.platform_admin)
    page = visitor.page
    visitor.go("/permissions")
    page.select_option("#main [name=team]", label="Beta")
    expect(page.locator(".table-grid thead")).to_contain_text("Other")
    assert f"team={peopled.beta.pk}" in page.url
    page.select_option("#main [name=access]", "manage")
    expect(page.locator("#permissions tbody")).not_to_contain_text("outsider@example.org")
    page.fill("#main [name=q]", "shared")
    expect(page.locator("#permissions tbody tr")).to_have_count(1)
    with page.expect_download() as download:
        page.click("text=Download CSV")
    lines = download.value.path().read_text().splitlines()
    assert {line.split(",")[1] for line in lines[1:]} == {"shared-person@example.org"}
    page.click("#permissions tbody a.who")
    expect(page.locator("h1")).to_have_text("What Shared_Person reaches")
    page.go_back()
    expect(page.locator("[name=access]")).to_have_value("manage")
    expect(page.locator("#permissions tbody tr")).to_have_count(1)


def test_from_a_person_one_comes_to_what_a_key_reaches(visit, peopled):
    visitor = visit(peopled.platform_admin)
    page = visitor.page
    visitor.go(f"/permissions/users/{peopled.team_admin.pk}")
    page.get_by_label("through Nightly report").click()
    expect(page.locator("#projects-title")).to_contain_text("Nightly report")
    expect(page.locator("#reached tbody tr").first).to_contain_text("Reads")
    page.fill("#projects [name=q]", "onboarding")
    expect(page.locator("#reached tbody tr")).to_have_count(1)
