"""The dashboard, the search, and the pages that are shown when something fails."""

from decimal import Decimal

import pytest
from django.test import Client, RequestFactory

from metering.models import UsageRecord
from metering.rolling_up import roll_up
from restai_site import pages
from restai_site.lib.errors import DomainError, TooManyRequests
from restai_site.lib.http import render_error


def book(world, user, project, cost):
    return UsageRecord.objects.create(
        project=project,
        team=project.team,
        user=user,
        model_name=project.llm.name,
        prompt_tokens=1000,
        completion_tokens=500,
        tokens_source="provider",
        cost=Decimal(cost),
        latency_ms=100,
        outcome="completed",
    )


@pytest.fixture
def ledger(world):
    book(world, world.viewer, world.project, 1)
    book(world, world.editor, world.project, 2)
    book(world, world.outsider, world.other_project, 4)
    roll_up()


@pytest.mark.parametrize("path", ["/", "/search?q=a"])
def test_who_is_not_signed_in_is_sent_to_the_log_in(client, db, path):
    assert client.get(path).url.startswith("/login?next=")


@pytest.mark.parametrize(
    ("role", "cost"),
    [
        ("viewer", 1),
        ("team_admin", 3),
        ("outsider", 4),
        ("platform_admin", 7),
        ("member", 0),
    ],
)
def test_the_dashboard_counts_what_one_may_see(as_user, world, ledger, role, cost):
    answer = as_user(getattr(world, role)).get("/")
    assert answer.context["totals"].cost == cost


def test_the_dashboard_of_another_team_is_empty(as_user, world, ledger):
    answer = as_user(world.team_admin).get(f"/?team={world.beta.pk}")
    assert answer.context["is_empty"]
    assert "Other" not in answer.content.decode()
    assert "beta-llm" not in answer.content.decode()


@pytest.mark.parametrize("query", ["period=zzz", "team=zzz", "team=99999999999999999999", "team=²"])
def test_a_dashboard_address_that_makes_no_sense_is_no_error(as_user, world, query):
    assert as_user(world.viewer).get(f"/?{query}").status_code == 200


def test_the_dashboard_says_what_to_do_when_it_is_empty(as_user, world):
    page = as_user(world.viewer).get("/").content.decode()
    assert "No requests in this period" in page
    assert "Start a chat" in page


def test_the_dashboard_asks_few_questions(as_user, world, ledger, django_assert_max_num_queries):
    browser = as_user(world.platform_admin)
    with django_assert_max_num_queries(12):
        assert browser.get("/").status_code == 200


def test_the_search_finds_ones_own_things_alone(as_user, world):
    page = as_user(world.viewer).get("/search?q=e").content.decode()
    assert "Private" in page
    assert "Beta" not in page
    assert "Other" not in page
    assert "beta-llm" not in page
    assert "beta-llm" in as_user(world.platform_admin).get("/search?q=beta").content.decode()


def test_the_palette_gets_the_list_alone(as_user, world):
    answer = as_user(world.viewer).get("/search?q=priv", headers={"X-Fragment": "palette"})
    assert "Private" in answer.content.decode()
    assert "<html" not in answer.content.decode()


def test_the_navigation_shows_the_platform_to_its_administrators(as_user, world):
    assert 'href="/models"' in as_user(world.platform_admin).get("/").content.decode()
    assert 'href="/models"' not in as_user(world.team_admin).get("/").content.decode()


def test_a_page_that_is_not_there_is_ours(as_user, client, world):
    for browser in (client, as_user(world.viewer)):
        answer = browser.get("/no-such-page")
        assert answer.status_code == 404
        assert "This page is not here" in answer.content.decode()


def test_a_refusal_says_why(as_user, world):
    answer = as_user(world.viewer).get("/models")
    assert answer.status_code == 403
    assert "This page is for platform administrators." in answer.content.decode()


def test_a_form_without_its_token_is_refused_in_words(world):
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post("/login", {"email": "x", "password": "y"})
    assert answer.status_code == 403
    assert "This form has expired" in answer.content.decode()


def test_the_page_of_a_failure_asks_nothing_of_anybody(django_assert_num_queries, db):
    with django_assert_num_queries(0):
        answer = pages.server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.content.decode()
    assert "csrf" not in answer.content.decode()


def test_other_errors_are_pages_too(db):
    request = RequestFactory().get("/projects")
    limited = render_error(request, TooManyRequests("You have sent too much.", retry_after=7))
    assert limited.status_code == 429
    assert limited.headers["Retry-After"] == "7"
    assert "Try again in 7 seconds" in limited.content.decode()
    odd = render_error(request, DomainError("It is <b>odd</b>.", status=409))
    assert odd.status_code == 409
    assert "It is &lt;b&gt;odd&lt;/b&gt;." in odd.content.decode()


def test_pages_hold_no_inline_script_style_or_handler(as_user, world, ledger):
    browser = as_user(world.platform_admin)
    paths = ["/", "/projects", f"/projects/{world.project.pk}", "/profile/keys", "/models"]
    paths += ["/security"]
    for path in [*paths, f"/projects/{world.project.pk}/chat"]:
        page = browser.get(path).content.decode()
        for forbidden in (" style=", "<style", " onclick=", "javascript:", "<script>"):
            assert forbidden not in page, (path, forbidden)
