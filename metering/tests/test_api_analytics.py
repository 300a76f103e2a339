"""/api/analytics and its CSV: one's own use, the team's for its admins, all for administrators."""

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest

from metering.rolling_up import roll_up
from metering.tests.ledger import write
from projects.models import Project
from restai_site.tests.clients import AuditedAPIClient
from restai_site.tests.world import make_key

DAY = timedelta(days=1)
PATHS = ("/api/analytics", "/api/analytics.csv")


@pytest.fixture
def ledger(world):
    write(world.project, world.viewer, cost=Decimal(1))
    write(world.project, world.editor, age=DAY, cost=Decimal(2), outcome="provider_error")
    write(world.shared_project, world.editor, age=40 * DAY, cost=Decimal(4))
    write(world.other_project, world.outsider, cost=Decimal(8), model_name="beta-llm")
    roll_up()


def cost(client, query=""):
    return Decimal(client.get(f"/api/analytics{query}").json()["totals"]["cost"])


def lines(client, query=""):
    answer = client.get(f"/api/analytics.csv{query}")
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


@pytest.mark.parametrize("path", PATHS)
def test_strangers_are_asked_to_sign_in(api, path, db):
    assert api.get(path).status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_statistics_are_read_only(world, as_user, path):
    for method in ("post", "put", "patch", "delete"):
        answer = getattr(as_user(world.platform_admin), method)(path, {}, "application/json")
        assert answer.status_code == 405


def test_people_count_their_own_use_admins_their_teams_administrators_all(world, as_user, ledger):
    assert cost(as_user(world.viewer)) == 1
    assert cost(as_user(world.editor)) == 2
    assert cost(as_user(world.member)) == 0
    assert cost(as_user(world.team_admin)) == 3
    assert cost(as_user(world.outsider)) == 8
    assert cost(as_user(world.outsider_admin)) == 8
    assert cost(as_user(world.platform_admin)) == 11


def test_no_filter_shows_what_is_another_teams(world, as_user, ledger):
    browser = as_user(world.outsider_admin)
    for query in (
        f"?team={world.alpha.pk}",
        f"?project={world.project.pk}",
        f"?user={world.viewer.pk}",
        "?model=alpha-llm",
        f"?project={world.project.pk}&user={world.outsider.pk}",
    ):
        answer = browser.get(f"/api/analytics{query}").json()
        assert answer["totals"]["requests"] == answer["previous"]["requests"] == 0
        assert all(bucket["requests"] == 0 for bucket in answer["series"])
        assert not any(answer["leaders"].values())
        assert lines(browser, f"{query}&by=user") == []


def test_nothing_of_another_team_changes_what_an_outsider_sees(world, as_user, ledger):
    """Whatever the others do: counts, sums, leaders and names stay as they were."""
    browser = as_user(world.outsider_admin)

    def seen():
        whole = browser.get("/api/analytics?period=90d").json()
        whole.pop("as_of")
        tables = [browser.get(f"/api/analytics.csv?by={way}").content for way in ("user", "model")]
        return whole, tables

    before = seen()
    for _ in range(3):
        write(world.project, world.viewer, model_name="secret-model", cost=Decimal(99))
    roll_up()
    assert seen() == before


def test_the_answer_has_a_series_the_time_before_and_leaders(world, as_user, ledger):
    answer = as_user(world.team_admin).get("/api/analytics").json()
    assert answer["period"]["key"] == "30d"
    assert len(answer["series"]) == 30
    assert answer["series"][-1]["starts_at"].endswith("T00:00:00Z")
    assert sum(bucket["requests"] for bucket in answer["series"]) == answer["totals"]["requests"]
    assert answer["totals"]["failures"] == 1
    assert answer["previous"]["requests"] == 1
    assert answer["previous"]["cost"] == "4.000000000000"
    assert [row["name"] for row in answer["leaders"]["user"]] == ["Editor", "Viewer"]
    assert [row["id"] for row in answer["leaders"]["project"]] == [world.project.pk]
    assert answer["leaders"]["model"][0]["id"] is None
    assert answer["as_of"]


def test_filters_narrow(world, as_user, ledger):
    browser = as_user(world.platform_admin)
    assert cost(browser, f"?team={world.alpha.pk}") == 3
    assert cost(browser, f"?user={world.editor.pk}") == 2
    assert cost(browser, f"?user={world.editor.pk}&period=90d") == 6
    assert cost(browser, "?model=beta-llm") == 8
    assert cost(browser, "?kind=image") == 0
    assert cost(browser, "?api_key=12345") == 0


@pytest.mark.parametrize(
    "query",
    [
        *("period=1y", "team=x", "team=0", "team=-1", "team=1.5", f"user={2**70}"),
        *("model=%00", "model=" + "m" * 101, "kind=unknown", "project=²"),
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_a_parameter_that_makes_no_sense_is_refused(world, as_user, query, path):
    answer = as_user(world.viewer).get(f"{path}?{query}")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_the_csv_takes_no_other_grouping(world, as_user):
    assert as_user(world.viewer).get("/api/analytics.csv?by=password").status_code == 400


def test_the_csv_over_time_adds_up(world, as_user, ledger):
    rows = lines(as_user(world.team_admin), "?period=7d")
    assert len(rows) == 7
    assert sum(int(row["requests"]) for row in rows) == 2
    assert sum(Decimal(row["cost_usd"]) for row in rows) == 3
    assert rows[-1]["latency_p50_ms"]
    assert rows[0]["latency_p50_ms"] == ""


def test_the_csv_of_groups_holds_all_of_them(world, as_user, ledger):
    rows = lines(as_user(world.platform_admin), "?by=project&period=90d")
    found = {(row["name"], Decimal(row["cost_usd"])) for row in rows}
    assert found == {("Private", 3), ("Shared", 4), ("Other", 8)}


def test_a_file_is_offered_and_not_kept_by_anybody(world, as_user, ledger):
    answer = as_user(world.viewer).get("/api/analytics.csv?by=api_key")
    assert answer["Content-Disposition"] == 'attachment; filename="usage-30d-by-api-key.csv"'
    assert answer["Content-Type"].startswith("text/csv")
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_names_that_a_spreadsheet_would_run_are_made_safe(world, as_user):
    Project.objects.filter(pk=world.project.pk).update(name='=HYPERLINK("http://x","y")')
    for number, model in enumerate(("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1")):
        write(world.project, world.viewer, model_name=model, cost=Decimal(number))
    roll_up()
    browser = as_user(world.viewer)
    for way in ("project", "model"):
        names = [row["name"] for row in lines(browser, f"?by={way}")]
        assert names
        for name in names:
            assert name.lstrip("\t ").startswith("'") or name.startswith("'")


def test_a_program_may_ask_for_csv_by_its_type(world, api_as, ledger):
    answer = api_as(world.viewer).get("/api/analytics.csv", headers={"Accept": "text/csv"})
    assert answer.status_code == 200
    wrong = api_as(world.viewer).get("/api/analytics.csv?team=x", headers={"Accept": "text/csv"})
    assert (wrong.status_code, wrong["Content-Type"]) == (400, "application/problem+json")


def test_a_narrowed_key_counts_what_was_used_within_its_limits(world, ledger):
    def with_key(user, **limits):
        return AuditedAPIClient().with_key(make_key(user, **limits)[1])

    write(world.shared_project, world.viewer, cost=Decimal(16))
    write(None, world.viewer, cost=Decimal(32), team=world.alpha)
    roll_up()
    project = {"project_ids": [world.project.pk]}
    assert cost(with_key(world.viewer)) == 49
    assert cost(with_key(world.viewer, **project)) == 1
    assert cost(with_key(world.team_admin, **project)) == 3
    assert cost(with_key(world.team_admin, team_id=world.alpha.pk)) == 51
    # The narrowed key of an administrator counts the administrator's own.
    assert cost(with_key(world.platform_admin, **project)) == 0
    assert cost(with_key(world.viewer, scope="read")) == 49


def test_a_key_for_chats_alone_reads_no_statistics(world):
    client = AuditedAPIClient().with_key(make_key(world.viewer, scope="chat")[1])
    for path in PATHS:
        assert client.get(path).status_code == 403
