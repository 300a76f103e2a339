"""The pages of guards' figures: a project's, a team's, the platform's."""

import re
from datetime import timedelta

import pytest
from django.utils.html import escape

from guards.filters import Filters
from guards.models import GuardBinding
from guards.periods import ZonedPeriod
from guards.statistics import Statistics
from guards.tests.events import counted, event, events, told, unsaved
from projects.models import Project
from restai_site.tests.world import acting

DAY = timedelta(days=1)


def paths(world):
    return {
        "project": f"/projects/{world.project.pk}/guards/analytics",
        "team": f"/teams/{world.alpha.pk}/guards",
        "platform": "/guards/analytics",
    }


def text(answer):
    return answer.content.decode()


@pytest.fixture
def found(world):
    own = GuardBinding.objects.create(project=world.project, name="Our data", detector="secrets")
    return [
        event(world.project, binding=own, detector="secrets", category="api_key"),
        event(world.project, outcome="passed", category="", age=DAY),
        event(world.project, outcome="warned", age=2 * DAY),
        event(world.project, outcome="blocked", age=40 * DAY),
        event(world.shared_project, outcome="redacted"),
        event(world.other_project, guard_name="Guard of Beta", detector="", category="beta-crime"),
    ]


DOORS = {
    "project": {"editor": 200, "team_admin": 200, "platform_admin": 200, "viewer": 403}
    | dict.fromkeys(("member", "outsider", "outsider_admin"), 404),
    "team": {"editor": 403, "team_admin": 200, "platform_admin": 200, "viewer": 403}
    | {"member": 403, "outsider": 404, "outsider_admin": 404},
    "platform": dict.fromkeys(
        ("editor", "team_admin", "viewer", "member", "outsider", "outsider_admin"), 403
    )
    | {"platform_admin": 200},
}


@pytest.mark.parametrize("kind", DOORS)
def test_each_page_is_for_those_who_may_see_what_it_counts(client, as_user, world, found, kind):
    path = paths(world)[kind]
    assert client.get(path).url.startswith("/login?next=")
    for name, status in DOORS[kind].items():
        assert as_user(getattr(world, name)).get(path).status_code == status, name


def test_each_page_counts_what_is_its_own(as_user, world, found):
    browser = as_user(world.platform_admin)
    for kind, mine in (
        ("project", found[:3]),
        ("team", [*found[:3], found[4]]),
        ("platform", [*found[:3], *found[4:]]),
    ):
        answer = browser.get(paths(world)[kind])
        checks = next(chart for chart in answer.context["charts"] if chart.id == "chart-checks")
        assert checks.summary == f"{len(mine)} in 30 days"
        assert sum(sum(series.values) for series in checks.series) == len(mine)
        lines = answer.context["lines"]
        assert sum(line.guard.totals.checked for line in lines) == len(mine)
        whole = answer.context["figures"]
        assert whole[0].value == str(len(mine))


def test_nothing_of_another_team_is_on_a_page(as_user, world, found):
    for name in ("team_admin", "editor"):
        page = text(as_user(getattr(world, name)).get(paths(world)["project"]))
        assert "Guard of Beta" not in page
        assert "Beta-crime" not in page
    assert "Guard of Beta" not in text(as_user(world.team_admin).get(paths(world)["team"]))
    assert "Guard of Beta" in text(as_user(world.platform_admin).get(paths(world)["platform"]))


def test_the_tabs_and_the_side_lead_there_for_whoever_may_open_it(as_user, world):
    project, team = paths(world)["project"], paths(world)["team"]
    overview, home = f"/projects/{world.project.pk}", f"/teams/{world.alpha.pk}"
    guards = f"{overview}/guards"
    assert f'href="{guards}"' in text(as_user(world.editor).get(overview))
    assert f'href="{project}"' in text(as_user(world.editor).get(guards))
    assert f'href="{project}"' not in text(as_user(world.viewer).get(overview))
    assert f'href="{team}"' in text(as_user(world.team_admin).get(home))
    assert f'href="{team}"' not in text(as_user(world.viewer).get(home))
    administrator = as_user(world.platform_admin)
    assert 'href="/guards"' in text(administrator.get("/"))
    assert 'href="/guards/analytics"' in text(administrator.get("/guards"))
    assert 'href="/guards"' not in text(as_user(world.team_admin).get("/"))


def test_a_page_without_checks_says_why(as_user, world):
    for path in paths(world).values():
        page = text(as_user(world.platform_admin).get(path))
        assert "Nothing was checked in this period" in page
        assert "Where no guard stands, nothing is counted." in page
        assert "chart.umd" not in page


def test_reviews_that_are_too_few_are_called_that(as_user, world, found):
    browser = as_user(world.editor)
    page = text(browser.get(paths(world)["project"]))
    assert page.count("not enough reviews") == 2
    event(world.project, review="right")
    event(world.project, review="wrong")
    event(world.project, outcome="passed", review="wrong")
    answer = browser.get(paths(world)["project"])
    by_label = {figure.label: figure for figure in answer.context["figures"]}
    assert by_label["Precision"].value == "50\N{NO-BREAK SPACE}%"
    assert by_label["Precision"].detail == "1 of 2 reviewed blocks were right"
    assert by_label["Recall"].detail == "1 of 2 reviewed were found"
    assert "not enough reviews" not in text(answer)


def test_the_page_is_narrowed_to_one_guard_and_back(as_user, world, found):
    browser = as_user(world.editor)
    page = browser.get(f"{paths(world)['project']}?period=7d")
    line = next(one for one in page.context["lines"] if one.guard.name == "Our data")
    assert f'href="{escape(line.url)}"' in text(page)
    narrowed = browser.get(line.url)
    assert [one.guard.name for one in narrowed.context["lines"]] == ["Our data"]
    assert [chip.value for chip in narrowed.context["chips"]] == ["Our data"]
    assert narrowed.context["chips"][0].url == "?period=7d"
    # What the page does not show as a filter does not narrow it.
    same = browser.get(f"{paths(world)['project']}?outcome=warned&category=email&project=1&team=1")
    assert same.context["figures"][0].value == "3"


def test_guards_of_a_team_and_of_the_platform_lead_to_themselves(as_user, world, found):
    judge = Project.objects.create(team=world.alpha, llm=world.llm, name="Judge")
    event(world.project, guard=judge, detector="", guard_name="Judge")
    browser = as_user(world.platform_admin)
    for kind in ("team", "platform"):
        lines = browser.get(paths(world)[kind]).context["lines"]
        for line in lines:
            if line.guard.name == "Guard of Beta":
                # It has gone, so there is nothing to narrow by.
                assert line.url == ""
                continue
            narrowed = browser.get(line.url)
            assert [one.guard.name for one in narrowed.context["lines"]] == [line.guard.name]
            assert [one.value for one in narrowed.context["chips"]] == [line.guard.name]


def test_a_guard_that_one_may_not_see_has_no_name(as_user, world, found):
    foreign = GuardBinding.objects.create(
        project=world.other_project, name="Secret plan", detector="secrets"
    )
    page = text(as_user(world.editor).get(f"{paths(world)['project']}?binding={foreign.pk}"))
    assert "Secret plan" not in page
    assert "No longer there" in page
    assert "Take the filter away" in page


def test_days_are_those_of_the_team(as_user, world, found):
    world.alpha.time_zone = "Pacific/Kiritimati"
    world.alpha.save()
    browser = as_user(world.platform_admin)
    for kind, zone in (
        ("project", "Pacific/Kiritimati"),
        ("team", "Pacific/Kiritimati"),
        ("platform", "UTC"),
    ):
        answer = browser.get(paths(world)[kind])
        assert answer.context["period"].zone == zone
        assert f"Days are those of {zone}." in text(answer)


def test_a_category_leads_to_its_findings(as_user, world, found):
    browser = as_user(world.editor)
    answer = browser.get(paths(world)["project"])
    for category, url in answer.context["categories"]:
        listed = browser.get(url)
        assert listed.context["table"].total == category.found
        assert {line.event.category for line in listed.context["lines"]} == {category.value}


def test_charts_say_the_same_as_a_table(as_user, world, found):
    answer = as_user(world.editor).get(paths(world)["project"])
    page = text(answer)
    assert page.count("Show as table") == len(answer.context["charts"]) == 4
    assert re.search(r'<th scope="row">\d+ \w{3}</th>', page)


@pytest.mark.parametrize("kind", DOORS)
def test_pages_ask_as_few_questions_of_many_rows_as_of_few(
    as_user, world, kind, django_assert_max_num_queries
):
    browser = as_user(world.platform_admin)
    path = paths(world)[kind]
    for count in (1, 60):
        for number in range(count // 10):
            GuardBinding.objects.create(
                project=world.project, name=f"Guard {number}", detector="secrets"
            )
        bindings: list[GuardBinding | None] = [None, *GuardBinding.objects.all()]
        now = event(world.project).created_at
        events(
            unsaved(
                world.project,
                at=now - number * DAY,
                category=f"c{number}",
                binding=bindings[number % len(bindings)],
            )
            for number in range(count)
        )
        for query in ("", "?period=24h", "?period=90d", "?detector=personal_data"):
            with django_assert_max_num_queries(12):
                assert browser.get(path + query).status_code == 200


def test_totals_of_the_page_are_those_of_the_rows(world, found):
    rows = Filters(project=world.project.pk).rows(acting(world.editor))
    assert told(Statistics(rows, ZonedPeriod.of("30d")).totals) == counted(found[:3])
