"""Periods of teams and projects: who sets them, how far, and by which doors."""

import pytest

from audit.models import Entry
from guards.models import GuardEvent
from projects.retention import services
from projects.retention.models import RetentionRule, RetentionRun
from projects.sections import RetentionSection
from restai_site.lib import configuration
from restai_site.lib.errors import Forbidden, Invalid
from restai_site.tests.background import waiting
from restai_site.tests.world import acting

JSON = "application/json"
PERIODS = {"conversations": 0, "inference_logs": 0, "guard_events": 100}


@pytest.fixture(autouse=True)
def _periods():
    with configuration.overridden(RetentionSection, **PERIODS):
        yield


def patch(browser, path, rules):
    return browser.patch(path, {"rules": rules}, content_type=JSON)


def test_an_admin_of_the_team_sets_them(world, as_user):
    browser = as_user(world.team_admin)
    path = f"/api/teams/{world.alpha.pk}/retention"
    answer = patch(browser, path, {"conversations": 30, "guard_events": 50})
    assert answer.status_code == 200
    assert answer.json()["rules"] == {"conversations": 30, "guard_events": 50}
    entry = Entry.objects.acts().latest("pk")
    assert (entry.action, entry.team_id) == ("team.retention", world.alpha.pk)
    assert entry.changes["conversations"] == {"before": None, "after": 30}
    path = f"/api/projects/{world.project.pk}/retention"
    answer = patch(browser, path, {"guard_events": 7})
    assert answer.json() == {
        "rules": {"guard_events": 7},
        "applying": {"conversations": 30, "inference_logs": 0, "guard_events": 7},
    }
    answer = patch(browser, path, {"guard_events": None})
    assert answer.json()["applying"] == {**PERIODS, "conversations": 30, "guard_events": 50}
    assert Entry.objects.acts().latest("pk").action == "project.retention"


def test_saving_what_is_there_changes_nothing(world):
    actor = acting(world.team_admin)
    services.set_rules(world.alpha, {"conversations": 30}, actor=actor)
    count = Entry.objects.acts().count()
    services.set_rules(world.alpha, {"conversations": 30, "guard_events": None}, actor=actor)
    assert Entry.objects.acts().count() == count


@pytest.mark.parametrize("name", ["viewer", "editor", "member", "outsider_admin"])
def test_nobody_else_sets_them(world, name):
    for owner in (world.alpha, world.project):
        with pytest.raises(Forbidden):
            services.set_rules(owner, {"conversations": 1}, actor=acting(getattr(world, name)))
    assert not RetentionRule.objects.exists()


@pytest.mark.parametrize(
    "rules",
    [
        {"guard_events": 101},
        {"guard_events": 0},
        {"conversations": -1},
        {"usage": 40},
        {"sessions": 1},
        {"nothing": 1},
        {"conversations": "soon"},
        {"conversations": 10**9},
        {"conversations": 1.5},
    ],
)
def test_more_than_the_platform_keeps_and_nonsense_are_refused(world, as_user, rules):
    browser = as_user(world.team_admin)
    for path in (
        f"/api/teams/{world.alpha.pk}/retention",
        f"/api/projects/{world.project.pk}/retention",
    ):
        assert patch(browser, path, rules).status_code == 400, rules
    assert not RetentionRule.objects.exists()


def test_a_project_keeps_no_more_than_its_team(world):
    actor = acting(world.team_admin)
    services.set_rules(world.alpha, {"conversations": 30}, actor=actor)
    with pytest.raises(Invalid):
        services.set_rules(world.project, {"conversations": 31}, actor=actor)
    services.set_rules(world.project, {"conversations": 30}, actor=actor)
    services.set_rules(world.alpha, {"conversations": 5}, actor=actor)
    assert services.applying_to(world.project)["conversations"] == 5


def test_members_may_know_for_how_long(world, as_user):
    for name in ("viewer", "editor"):
        answer = as_user(getattr(world, name)).get(f"/api/projects/{world.project.pk}/retention")
        assert answer.json()["applying"] == PERIODS
    outsider = as_user(world.outsider_admin)
    assert outsider.get(f"/api/projects/{world.project.pk}/retention").status_code == 404
    assert outsider.get(f"/api/teams/{world.alpha.pk}/retention").status_code == 404


def test_the_pages_set_them_too(world, as_user):
    browser = as_user(world.team_admin)
    for path, owner in (
        (f"/teams/{world.alpha.pk}/retention", world.alpha),
        (f"/projects/{world.project.pk}/retention", world.project),
    ):
        assert "Retention" in browser.get(path).content.decode()
        assert browser.post(path, {"conversations": "20"}).status_code == 302
        assert services.rules_of(owner) == {"conversations": 20}
        refused = browser.post(path, {"guard_events": "101"})
        assert refused.status_code == 400
        assert browser.post(path, {"conversations": ""}).status_code == 302
        assert services.rules_of(owner) == {}
        assert as_user(world.viewer).get(path).status_code == 403
        assert as_user(world.outsider_admin).get(path).status_code == 404
    assert (
        f"/teams/{world.alpha.pk}/retention"
        in browser.get(f"/teams/{world.alpha.pk}/settings").content.decode()
    )


def test_the_page_says_how_it_stands_and_counts(world, as_user):
    browser = as_user(world.platform_admin)
    page = browser.get("/settings/retention/runs").content.decode()
    assert "100 days" in page
    assert "Over now" not in page
    assert "Over now" in browser.get("/settings/retention/runs?count=1").content.decode()
    RetentionRun.objects.create(kind="guard_events", cuts=[], asked_by="x", deleted=4711)
    RetentionRun.objects.create(kind="usage", cuts=[], asked_by="x", failure="OperationalError")
    page = browser.get("/settings/retention/runs?sort=deleted").content.decode()
    for text in ("4.7 k", "At work", "Tries again"):
        assert text in page
    assert as_user(world.team_admin).get("/settings/retention/runs").status_code == 403


def test_whoever_runs_the_platform_has_it_done_now(world, as_user):
    waiting()
    browser = as_user(world.platform_admin)
    assert browser.post("/settings/retention/purge").status_code == 302
    assert browser.post("/api/retention", content_type=JSON).status_code == 202
    jobs = [(job.task, job.args) for job in waiting()]
    assert jobs == [("projects.purge_now", [world.platform_admin.email])] * 2
    assert Entry.objects.acts().latest("pk").action == "retention.ask"
    assert as_user(world.team_admin).post("/settings/retention/purge").status_code == 403


def test_by_the_api(world, as_user):
    browser = as_user(world.platform_admin)
    found = {row["kind"]: row for row in browser.get("/api/retention").json()}
    assert (found["guard_events"]["days"], found["guard_events"]["by_project"]) == (100, True)
    assert found["conversations"]["last_run"] is None
    assert browser.get("/api/retention/preview").json()["guard_events"] == 0
    run = RetentionRun.objects.create(kind="usage", cuts=[], asked_by="x")
    assert browser.get("/api/retention/runs").json()["results"][0]["id"] == run.pk
    assert browser.get(f"/api/retention/runs/{run.pk}").json()["finished_at"] is None
    assert browser.delete(f"/api/retention/runs/{run.pk}").status_code == 405
    for path in ("/api/retention", "/api/retention/preview", "/api/retention/runs"):
        assert as_user(world.team_admin).get(path).status_code == 403
    assert not GuardEvent.objects.exists()


def test_lists_ask_the_same_however_many_there_are(world, as_user, django_assert_max_num_queries):
    browser = as_user(world.platform_admin)
    for count in (1, 40):
        for _ in range(count):
            run = RetentionRun.objects.create(kind="usage", cuts=[], asked_by="x")
            RetentionRun.objects.filter(pk=run.pk).update(finished_at=run.started_at)
        for path in ("/settings/retention/runs", "/api/retention/runs", "/api/retention"):
            with django_assert_max_num_queries(9):
                assert browser.get(path).status_code == 200
