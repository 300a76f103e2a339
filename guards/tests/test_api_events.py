"""/api/guards/events and /api/guards/statistics: four doors, filters, pages, reviews, figures."""

from base64 import b64encode
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from audit.models import Entry
from guards.models import GuardBinding, GuardEvent
from guards.tests.events import OUTCOMES, counted, event, events, unsaved
from restai_site.tests.clients import AuditedAPIClient
from restai_site.tests.world import make_key

DAY = timedelta(days=1)
LIST, FIGURES = "/api/guards/events", "/api/guards/statistics"
SHARES = ("block_rate", "precision", "recall")


@pytest.fixture
def found(world):
    binding = GuardBinding.objects.create(project=world.project, name="Ours", detector="secrets")
    return {
        "blocked": event(world.project, text="Blocked text", reason="A reason", score=0.75),
        "bound": event(
            world.project, age=DAY, binding=binding, detector="secrets", category="api_key"
        ),
        "passed": event(world.project, outcome="passed", category="", age=2 * DAY),
        "failed": event(world.project, outcome="failed_open", category="", age=3 * DAY),
        "output": event(world.project, outcome="warned", stage="output", age=4 * DAY),
        "shared": event(world.shared_project, outcome="redacted", age=5 * DAY, review="right"),
        "beta": event(world.other_project, age=6 * DAY, category="beta-crime"),
    }


def ids(answer):
    assert answer.status_code == 200, answer.json()
    return [row["id"] for row in answer.json()["results"]]


def names(found, answer):
    by_id = {str(row.pk): name for name, row in found.items()}
    return [by_id[one] for one in ids(answer)]


ALPHA = ["blocked", "bound", "passed", "failed", "output", "shared"]
SEES = {
    "platform_admin": [*ALPHA, "beta"],
    "team_admin": ALPHA,
    "editor": ALPHA[:5],
    "viewer": [],
    "member": [],
    "outsider": [],
    "outsider_admin": ["beta"],
}


# --- Findings -----------------------------------------------------------------------------------
def test_strangers_are_asked_to_sign_in(api, world, found):
    for path in (LIST, f"{LIST}/{found['blocked'].pk}", FIGURES, f"{LIST}.csv"):
        assert api.get(path).status_code == 401
    assert api.post(f"{LIST}/{found['blocked'].pk}/review", {"review": "right"}).status_code == 401
    assert api.delete(f"{LIST}/{found['blocked'].pk}/review").status_code == 401


def test_everybody_lists_what_they_may_see(world, as_user, found):
    for name, seen in SEES.items():
        assert names(found, as_user(getattr(world, name)).get(LIST)) == seen, name


def test_one_finding_is_404_to_whoever_may_not_see_it(world, as_user, found):
    for name, seen in SEES.items():
        browser = as_user(getattr(world, name))
        for which, row in found.items():
            status = 200 if which in seen else 404
            assert browser.get(f"{LIST}/{row.pk}").status_code == status, (name, which)
    assert as_user(world.platform_admin).get(f"{LIST}/{uuid4()}").status_code == 404


def test_a_finding_says_what_was_found(world, as_user, found):
    row = found["blocked"]
    answer = as_user(world.editor).get(f"{LIST}/{row.pk}").json()
    assert answer == {
        "id": str(row.pk),
        "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
        "call_id": str(row.call_id),
        "project": world.project.pk,
        "team": world.alpha.pk,
        "binding": None,
        "guard": None,
        "guard_name": "Personal data",
        "detector": "personal_data",
        "stage": "input",
        "mode": "block",
        "outcome": "blocked",
        "category": "email",
        "score": 0.75,
        "reason": "A reason",
        "failure": "",
        "checks": 1,
        "latency_ms": 5,
        "is_cached": False,
        "text": "Blocked text",
        "review": "",
        "review_note": "",
        "reviewed_by": None,
        "reviewed_at": None,
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("outcome=blocked", ["blocked", "bound", "beta"]),
        ("outcome=warned&outcome=passed", ["passed", "output"]),
        ("stage=output", ["output"]),
        ("category=api_key", ["bound"]),
        ("detector=secrets", ["bound"]),
        ("review=right", ["shared"]),
        ("reviewed=true", ["shared"]),
        ("reviewed=false&outcome=redacted", []),
        ("project=999999999999999999999", []),
        ("category=nothing", []),
    ],
)
def test_the_list_is_narrowed(world, as_user, found, query, expected):
    assert names(found, as_user(world.platform_admin).get(f"{LIST}?{query}")) == expected


def test_the_list_is_narrowed_by_ids_and_times(world, as_user, found):
    browser = as_user(world.platform_admin)
    for query, expected in (
        ({"project": world.shared_project.pk}, ["shared"]),
        ({"team": world.beta.pk}, ["beta"]),
        ({"binding": found["bound"].binding_id}, ["bound"]),
        ({"guard": world.project.pk}, []),
        ({"since": found["bound"].created_at.isoformat()}, ["blocked", "bound"]),
        ({"until": found["output"].created_at.isoformat()}, ["shared", "beta"]),
    ):
        assert names(found, browser.get(f"{LIST}?{urlencode(query)}")) == expected, query


@pytest.mark.parametrize(
    "query", ["outcome=bad", "stage=x", "review=maybe", "since=then", "team=x", "page_size=0"]
)
def test_nonsense_is_refused(world, as_user, query):
    assert as_user(world.platform_admin).get(f"{LIST}?{query}").status_code == 400


@pytest.mark.parametrize("position", ["x", "7", "2026-13-45", "2026-01-01", "2026-01-01 10:00"])
def test_a_cursor_that_is_none_finds_no_page(world, as_user, position):
    cursor = b64encode(urlencode({"p": position}).encode()).decode()
    answer = as_user(world.editor).get(f"{LIST}?cursor={cursor}")
    assert answer.status_code == 404, answer.json()


def test_the_pages_have_each_finding_once(world, as_user):
    now = timezone.now()
    # Many of one moment, as guards that stand side by side write them.
    events(unsaved(world.project, at=now - timedelta(seconds=number // 4)) for number in range(30))
    browser, seen, path = as_user(world.editor), [], f"{LIST}?page_size=7"
    while path:
        answer = browser.get(path)
        seen += ids(answer)
        path = answer.json()["next"]
    assert len(seen) == len(set(seen)) == 30
    moments = dict(GuardEvent.objects.values_list("pk", "created_at"))
    by_id = {str(key): moment for key, moment in moments.items()}
    assert [by_id[one] for one in seen] == sorted(moments.values(), reverse=True)


def test_keys_list_what_they_reach(world, found):
    def with_key(user, **limits):
        return AuditedAPIClient().with_key(make_key(user, **limits)[1])

    project = {"project_ids": [world.project.pk]}
    assert names(found, with_key(world.team_admin, **project).get(LIST)) == ALPHA[:5]
    assert names(found, with_key(world.platform_admin, **project).get(LIST)) == ALPHA[:5]
    assert names(found, with_key(world.editor, scope="read").get(LIST)) == ALPHA[:5]
    for path in (LIST, FIGURES):
        assert with_key(world.editor, scope="chat").get(path).status_code == 403
    review = f"{LIST}/{found['blocked'].pk}/review"
    answer = with_key(world.editor, scope="read").post(review, {"review": "right"}, format="json")
    assert answer.status_code == 403
    assert not GuardEvent.objects.get(pk=found["blocked"].pk).review


# --- Reviews ------------------------------------------------------------------------------------
def post(browser, row, body):
    return browser.post(f"{LIST}/{row.pk}/review", body, content_type="application/json")


def test_those_who_see_a_finding_review_it_and_others_change_nothing(world, as_user, found):
    row = found["blocked"]
    for name, seen in SEES.items():
        GuardEvent.objects.filter(pk=row.pk).update(review="", review_note="")
        answer = post(as_user(getattr(world, name)), row, {"review": "wrong", "note": "No"})
        row.refresh_from_db()
        if "blocked" in seen:
            assert answer.status_code == 200
            assert answer.json()["review"] == row.review == "wrong"
            assert answer.json()["review_note"] == row.review_note == "No"
            assert answer.json()["reviewed_by"] == getattr(world, name).pk
            assert answer.json()["text"] == "Blocked text"
        else:
            assert answer.status_code == 404
            assert row.review == ""


def test_a_review_is_withdrawn(world, as_user, found):
    row, browser = found["blocked"], as_user(world.editor)
    post(browser, row, {"review": "right"})
    assert as_user(world.outsider_admin).delete(f"{LIST}/{row.pk}/review").status_code == 404
    assert as_user(world.viewer).delete(f"{LIST}/{row.pk}/review").status_code == 404
    assert browser.delete(f"{LIST}/{row.pk}/review").status_code == 204
    assert browser.delete(f"{LIST}/{row.pk}/review").status_code == 204
    row.refresh_from_db()
    assert (row.review, row.reviewed_by_id, row.reviewed_at) == ("", None, None)
    trail = Entry.objects.filter(action__startswith="guard_event.")
    assert trail.count() == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "review"),
        ({"review": "maybe"}, "review"),
        ({"review": None}, "review"),
        ({"review": "right", "note": "x" * 501}, "note"),
        ({"review": "right", "note": ["x"]}, "note"),
    ],
)
def test_a_wrong_review_is_refused_by_the_field(world, as_user, found, body, field):
    answer = post(as_user(world.editor), found["blocked"], body)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


def test_what_gave_no_judgement_is_not_reviewed(world, as_user, found):
    answer = post(as_user(world.editor), found["failed"], {"review": "right"})
    assert answer.status_code == 409


def test_nothing_else_is_written(world, as_user, found):
    browser, row = as_user(world.platform_admin), found["blocked"]
    for method, path in (
        *(("post", LIST), ("patch", f"{LIST}/{row.pk}"), ("delete", f"{LIST}/{row.pk}")),
        *(("put", f"{LIST}/{row.pk}"), ("put", f"{LIST}/{row.pk}/review"), ("post", FIGURES)),
    ):
        answer = getattr(browser, method)(path, {}, content_type="application/json")
        assert answer.status_code == 405, (method, path)
    assert GuardEvent.objects.count() == len(found)


# --- Figures ------------------------------------------------------------------------------------
def same(told, rows):
    expected = counted(rows)
    for name in ("checked", *OUTCOMES, *SHARES):
        assert told[name] == expected[name], name
    assert told["latency_p50_ms"] == expected["latency_p50"]
    assert told["latency_p95_ms"] == pytest.approx(expected["latency_p95"])


def test_everybody_counts_what_they_may_see(world, as_user, found):
    for name, seen in SEES.items():
        answer = as_user(getattr(world, name)).get(f"{FIGURES}?period=7d").json()
        same(answer["totals"], [found[one] for one in seen])
        assert sum(bucket["checked"] for bucket in answer["series"]) == len(seen)
        assert sum(line["checked"] for line in answer["guards"]) == len(seen)


def test_no_filter_shows_what_is_another_teams(world, as_user, found):
    browser = as_user(world.outsider_admin)
    for query in (
        f"team={world.alpha.pk}",
        f"project={world.project.pk}",
        f"binding={found['bound'].binding_id}",
        "detector=secrets",
    ):
        answer = browser.get(f"{FIGURES}?{query}").json()
        assert answer["totals"]["checked"] == answer["previous"]["checked"] == 0
        assert answer["guards"] == answer["categories"] == []
    # Nor where the other team is, which its time zone would tell.
    world.alpha.time_zone = "Asia/Kathmandu"
    world.alpha.save()
    assert browser.get(f"{FIGURES}?team={world.alpha.pk}").json()["period"]["time_zone"] == "UTC"
    path = f"{FIGURES}?project={world.project.pk}"
    assert browser.get(path).json()["period"]["time_zone"] == "UTC"
    assert as_user(world.editor).get(path).json()["period"]["time_zone"] == "Asia/Kathmandu"


def test_figures_are_narrowed(world, as_user, found):
    browser = as_user(world.platform_admin)
    for query, seen in (
        ("stage=output", ["output"]),
        ("detector=secrets", ["bound"]),
        (f"team={world.beta.pk}", ["beta"]),
        (f"project={world.project.pk}", ALPHA[:5]),
        (f"project={world.project.pk}&binding={found['bound'].binding_id}", ["bound"]),
        ("period=24h", ["blocked"]),
    ):
        answer = browser.get(f"{FIGURES}?{query}").json()
        same(answer["totals"], [found[one] for one in seen])


def test_days_begin_at_the_teams_midnight(world, as_user, found):
    world.alpha.time_zone = "Pacific/Kiritimati"
    world.alpha.save()
    answer = as_user(world.editor).get(f"{FIGURES}?project={world.project.pk}&period=7d").json()
    period = answer["period"]
    assert (period["key"], period["bucket"]) == ("7d", "day")
    starts = [datetime.fromisoformat(bucket["starts_at"]) for bucket in answer["series"]]
    there = [moment.astimezone(ZoneInfo("Pacific/Kiritimati")) for moment in starts]
    assert {(moment.hour, moment.minute) for moment in there} == {(0, 0)}
    assert datetime.fromisoformat(period["starts_at"]) == starts[0]


def test_categories_and_guards_have_words(world, as_user, found):
    answer = as_user(world.editor).get(f"{FIGURES}?project={world.project.pk}").json()
    assert {one["category"]: (one["found"], one["blocked"]) for one in answer["categories"]} == {
        "email": (2, 1),
        "api_key": (1, 1),
    }
    assert all(one["label"] for one in answer["categories"])
    assert {(one["name"], one["binding"]) for one in answer["guards"]} == {
        ("Ours", found["bound"].binding_id),
        ("Personal data", None),
    }


@pytest.mark.parametrize("query", ["period=1y", "team=x", "team=0", "stage=both", "guard=-1"])
def test_nonsense_gets_no_figures(world, as_user, query):
    assert as_user(world.editor).get(f"{FIGURES}?{query}").status_code == 400


def test_as_many_questions_for_many_rows_as_for_few(world, as_user, django_assert_max_num_queries):
    browser = as_user(world.team_admin)
    for count in (1, 80):
        events(
            unsaved(world.project, at=timezone.now(), guard_name=f"G{number}", detector="")
            for number in range(count)
        )
        with django_assert_max_num_queries(5):
            assert browser.get(f"{LIST}?page_size=100").status_code == 200
        with django_assert_max_num_queries(8):
            path = f"{FIGURES}?project={world.project.pk}&period=90d"
            assert browser.get(path).json()["totals"]["checked"] >= count
