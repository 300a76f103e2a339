"""The pages of use: Usage, a team's Analytics, a project's Analytics and overview."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils.html import escape

from metering.rolling_up import roll_up
from metering.tests.ledger import write
from restai_site.tests.world import make_key

DAY = timedelta(days=1)


@pytest.fixture
def ledger(world):
    write(world.project, world.viewer, cost=Decimal(1))
    write(world.project, world.editor, age=DAY, cost=Decimal(2), outcome="blocked")
    write(world.project, world.editor, age=40 * DAY, cost=Decimal(4))
    write(world.other_project, world.outsider, cost=Decimal(8), model_name="beta-llm")
    roll_up()


def text(answer):
    return answer.content.decode()


def paths(world):
    return [f"/teams/{world.alpha.pk}/analytics", f"/projects/{world.project.pk}/analytics"]


def test_pages_are_for_people_who_sign_in(client, world):
    for path in ["/", *paths(world)]:
        assert client.get(path).url.startswith("/login?next=")


def test_a_teams_analytics_are_for_its_admins(as_user, world, ledger):
    path = paths(world)[0]
    for name, status in (
        ("outsider", 404),
        ("outsider_admin", 404),
        ("viewer", 403),
        ("editor", 403),
        ("team_admin", 200),
        ("platform_admin", 200),
    ):
        assert as_user(getattr(world, name)).get(path).status_code == status, name


def test_a_teams_analytics_are_of_the_team_alone(as_user, world, ledger):
    for user in (world.team_admin, world.platform_admin):
        answer = as_user(user).get(paths(world)[0])
        assert answer.context["totals"].cost == 3
        assert "beta-llm" not in text(answer)
        assert "Outsider" not in text(answer)


def test_the_tab_is_shown_to_whoever_may_open_it(as_user, world):
    team, project = paths(world)
    assert f'href="{team}"' in text(as_user(world.team_admin).get(f"/teams/{world.alpha.pk}"))
    assert f'href="{team}"' not in text(as_user(world.viewer).get(f"/teams/{world.alpha.pk}"))
    assert f'href="{project}"' in text(as_user(world.viewer).get(f"/projects/{world.project.pk}"))


def test_a_projects_analytics_are_whole_for_who_runs_it_and_else_ones_own(as_user, world, ledger):
    path = paths(world)[1]
    assert as_user(world.outsider_admin).get(path).status_code == 404
    mine = as_user(world.viewer).get(path)
    assert mine.context["totals"].cost == 1
    assert "Your own use of this project" in text(mine)
    assert "Editor" not in text(mine)
    whole = as_user(world.team_admin).get(path)
    assert whole.context["totals"].cost == 3
    assert "What everybody has used" in text(whole)


def test_usage_says_whose_it_is(as_user, world, ledger):
    assert "The whole platform" in text(as_user(world.platform_admin).get("/"))
    assert "that of the teams you run" in text(as_user(world.team_admin).get("/"))
    assert "<p>Your own use, last 30 days." in text(as_user(world.viewer).get("/"))


def test_each_total_has_that_of_the_period_before_beside_it(as_user, world, ledger):
    page = text(as_user(world.team_admin).get("/"))
    assert "▼\N{NO-BREAK SPACE}25\N{NO-BREAK SPACE}% from $4.00" in page
    assert "25 percent less. In the 30 days before: $4.00." in page
    assert "Guard blocks" in page


def test_leaders_lead_to_their_own_figures_and_back(as_user, world, ledger):
    browser = as_user(world.platform_admin)
    page = text(browser.get("/?period=7d"))
    address = f"/?project={world.project.pk}&period=7d"
    assert f'href="{escape(address)}"' in page
    narrowed = browser.get(address)
    assert narrowed.context["totals"].cost == 3
    assert [chip.value for chip in narrowed.context["chips"]] == ["Private"]
    assert narrowed.context["chips"][0].url == "/?period=7d"


def test_a_filter_by_what_one_may_not_see_tells_no_name(as_user, world, ledger):
    answer = as_user(world.outsider_admin).get(
        f"/?project={world.project.pk}&user={world.viewer.pk}&team={world.alpha.pk}"
    )
    assert answer.context["is_empty"]
    assert {chip.value for chip in answer.context["chips"]} == {"No longer there"}
    for word in ("Private", "Viewer", "Alpha"):
        assert word not in text(answer)


def test_links_are_not_narrowed_by_the_team_that_one_works_in(as_user, world, ledger):
    browser = as_user(world.platform_admin)
    browser.post("/teams/switch", {"team": world.beta.pk})
    assert browser.get("/").context["totals"].cost == 8
    whole = browser.get("/?team=")
    assert whole.context["totals"].cost == 11
    page = browser.get(f"/projects/{world.project.pk}/analytics")
    board = next(one for one in page.context["boards"] if one.way == "user")
    assert browser.get(board.lines[0].url).context["totals"].requests == 1
    chip = browser.get(f"/?team={world.alpha.pk}").context["chips"][0]
    assert browser.get(chip.url).context["totals"].cost == 11


def test_an_empty_page_with_filters_leads_out_of_them(as_user, world):
    page = text(as_user(world.viewer).get("/?kind=image"))
    assert "Take one away" in page
    assert "Show all use" in page


def test_keys_are_named_to_their_owner_and_by_their_owner_to_the_team(as_user, world):
    key, _ = make_key(world.viewer, "Nightly report")
    write(world.project, world.viewer, api_key=key)
    roll_up()
    assert "Nightly report" in text(as_user(world.viewer).get("/"))
    page = text(as_user(world.team_admin).get("/"))
    assert "Nightly report" not in page
    assert "A key of Viewer" in page


def test_the_page_offers_its_figures_as_csv(as_user, world, ledger):
    browser = as_user(world.team_admin)
    answer = browser.get(f"/?project={world.project.pk}&period=90d")
    assert browser.get(answer.context["csv_url"]).content.decode().count("\n") == 91
    for board in answer.context["boards"]:
        assert browser.get(board.csv_url).status_code == 200


def test_pages_say_until_when_calls_are_counted(as_user, world, ledger):
    assert "Counted until" in text(as_user(world.viewer).get("/"))


def test_the_overview_shows_calls_before_they_are_counted(as_user, world):
    write(world.project, world.viewer)
    page = text(as_user(world.viewer).get(f"/projects/{world.project.pk}"))
    assert "Latest calls" in page
    assert "No requests yet" not in page


def test_the_page_of_a_user_leads_to_their_use(as_user, world):
    page = text(as_user(world.platform_admin).get(f"/users/{world.viewer.pk}"))
    assert f'href="/?team=&amp;user={world.viewer.pk}"' in page


def test_the_list_of_keys_leads_to_the_use_of_each(as_user, world):
    key, _ = make_key(world.viewer)
    page = text(as_user(world.viewer).get("/profile/keys"))
    assert f'href="/?team=&amp;api_key={key.pk}"' in page


@pytest.mark.parametrize("name", ["platform_admin", "team_admin", "viewer"])
def test_pages_ask_as_few_questions_of_many_rows_as_of_few(
    as_user, world, name, django_assert_max_num_queries
):
    browser = as_user(getattr(world, name))
    for count in (1, 30):
        for number in range(count):
            write(world.project, world.viewer, model_name=f"m{number}", age=number * DAY)
        roll_up()
        for path in ["/", *(paths(world) if name != "viewer" else paths(world)[1:])]:
            with django_assert_max_num_queries(17):
                assert browser.get(path).status_code == 200
