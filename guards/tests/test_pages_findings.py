"""The lists of findings, one finding, its review, and the list as a file."""

import csv
import io
from datetime import timedelta
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connection
from django.test import AsyncClient
from django.utils import timezone

from audit.models import Entry
from guards import findings_export
from guards.findings_filters import FindingsFilters
from guards.models import GuardBinding, GuardEvent
from guards.tests.events import event, events, unsaved
from projects.models import Project
from projects.services import update_project
from restai_site.tests.clients import AuditedAPIClient, WriteLog, start_session
from restai_site.tests.world import SYSTEM, acting, make_key

DAY = timedelta(days=1)
TEXT, REASON = "Send it to ada@example.org", "It names somebody's address"


def paths(world):
    return {
        "project": f"/projects/{world.project.pk}/guards/events",
        "team": f"/teams/{world.alpha.pk}/guards/events",
        "platform": "/guards/events",
    }


def text(answer):
    return answer.content.decode()


def listed(answer):
    return [line.event.pk for line in answer.context["lines"]]


@pytest.fixture
def found(world):
    """Findings of Alpha and Beta; the first of the list is the newest."""
    binding = GuardBinding.objects.create(project=world.project, name="Ours", detector="secrets")
    return {
        "blocked": event(world.project, text=TEXT, reason=REASON),
        "bound": event(
            world.project,
            age=DAY,
            binding=binding,
            detector="secrets",
            stage="output",
            category="api_key",
        ),
        "warned": event(world.project, outcome="warned", age=2 * DAY, text="Warned text"),
        "redacted": event(world.project, outcome="redacted", age=3 * DAY, review="right"),
        "passed": event(world.project, outcome="passed", category="", age=4 * DAY),
        "failed": event(
            world.project, outcome="failed_closed", category="", failure="timeout", age=5 * DAY
        ),
        "old": event(world.project, age=50 * DAY, review="wrong"),
        "shared": event(world.shared_project, age=6 * DAY, text="Shared text"),
        "beta": event(
            world.other_project, age=7 * DAY, text="Text of Beta", guard_name="Guard of Beta"
        ),
    }


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


# --- Lists ------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", DOORS)
def test_each_list_is_for_those_who_may_see_what_is_on_it(client, as_user, world, found, kind):
    path = paths(world)[kind]
    assert client.get(path).url.startswith("/login?next=")
    for name, status in DOORS[kind].items():
        assert as_user(getattr(world, name)).get(path).status_code == status, name


def test_what_was_blocked_is_listed_first_the_newest_on_top(as_user, world, found):
    answer = as_user(world.editor).get(paths(world)["project"])
    assert listed(answer) == [found["blocked"].pk, found["bound"].pk]
    page = text(answer)
    assert TEXT in page
    assert "No text was kept of this." in page
    whole = as_user(world.platform_admin).get(paths(world)["platform"])
    assert listed(whole) == [found[name].pk for name in ("blocked", "bound", "shared", "beta")]
    team = as_user(world.team_admin).get(paths(world)["team"])
    assert listed(team) == [found[name].pk for name in ("blocked", "bound", "shared")]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("outcome=warned", ["warned"]),
        ("outcome=passed", ["passed"]),
        ("outcome=failed_closed", ["failed"]),
        ("outcome=any", ["blocked", "bound", "warned", "redacted", "passed", "failed"]),
        ("period=all", ["blocked", "bound", "old"]),
        ("period=90d", ["blocked", "bound", "old"]),
        ("period=24h", ["blocked"]),
        ("stage=output", ["bound"]),
        ("stage=input", ["blocked"]),
        ("category=api_key", ["bound"]),
        ("outcome=any&category=email", ["blocked", "warned", "redacted"]),
        ("outcome=any&review=any", ["redacted"]),
        ("outcome=any&review=right&period=all", ["redacted"]),
        ("review=wrong&period=all", ["old"]),
        ("outcome=any&review=none&stage=output", ["bound"]),
        ("detector=secrets", ["bound"]),
        # Nonsense is as good as nothing.
        ("outcome=bad&stage=bad&review=bad&period=bad&binding=x&page=x", ["blocked", "bound"]),
        # The path says which project; the address does not lead to another.
        ("project=1&team=1", ["blocked", "bound"]),
    ],
)
def test_the_list_is_narrowed_by_its_filters(as_user, world, found, query, names):
    answer = as_user(world.editor).get(f"{paths(world)['project']}?{query}")
    assert listed(answer) == [found[name].pk for name in names]


def test_the_list_is_narrowed_to_one_guard(as_user, world, found):
    binding = found["bound"].binding_id
    answer = as_user(world.editor).get(f"{paths(world)['project']}?binding={binding}")
    assert listed(answer) == [found["bound"].pk]
    offered = {choice.name: choice for choice in answer.context["choices"]}
    assert (str(binding), "Ours") in offered["binding"].options
    assert offered["binding"].value == str(binding)
    assert f'<option value="{binding}" selected>Ours</option>' in text(answer)


def test_categories_on_offer_are_those_of_the_place(as_user, world, found):
    event(world.other_project, category="beta-crime")
    answer = as_user(world.editor).get(paths(world)["project"])
    offered = {choice.name: choice for choice in answer.context["choices"]}
    assert {value for value, _ in offered["category"].options} == {"", "email", "api_key"}


def test_a_list_has_pages(as_user, world):
    moment = timezone.now()
    events(unsaved(world.project, at=moment - number * timedelta(hours=1)) for number in range(60))
    browser = as_user(world.editor)
    pages = [browser.get(f"{paths(world)['project']}?page={number}") for number in (1, 2, 3)]
    assert [len(listed(page)) for page in pages] == [25, 25, 10]
    everything = [pk for page in pages for pk in listed(page)]
    ordered = GuardEvent.objects.order_by("-created_at").values_list("pk", flat=True)
    assert everything == list(ordered)
    assert 'rel="next"' in text(pages[0])


def test_an_empty_list_says_why(as_user, world, found):
    browser = as_user(world.editor)
    GuardEvent.objects.filter(project=world.project, outcome="blocked").delete()
    assert "Nothing was blocked in this period" in text(browser.get(paths(world)["project"]))
    page = text(browser.get(f"{paths(world)['project']}?category=none"))
    assert "No finding fits these filters." in page


# --- Texts ------------------------------------------------------------------------------------
def test_where_the_project_keeps_nothing_no_text_is_shown_even_if_rows_have_it(
    as_user, world, found
):
    update_project(world.project, {"inference_logging": "off"}, actor=SYSTEM)
    assert GuardEvent.objects.get(pk=found["blocked"].pk).text == TEXT
    browser = as_user(world.platform_admin)
    own = text(browser.get(paths(world)["project"]))
    assert "This project keeps nothing of what is said in it" in own
    pages = [
        own,
        *(text(browser.get(paths(world)[kind])) for kind in ("team", "platform")),
        text(browser.get(f"/guards/events/{found['blocked'].pk}")),
        download(world.platform_admin)[1],
        str(browser.get("/api/guards/events").json()),
        str(browser.get(f"/api/guards/events/{found['blocked'].pk}").json()),
    ]
    for page in pages:
        assert TEXT not in page
        assert REASON not in page
        assert "address" not in page.lower().replace("e-mail address", "")
    # Of a project that keeps them, they are there.
    assert "Shared text" in pages[1]
    update_project(world.project, {"inference_logging": "full"}, actor=SYSTEM)
    assert TEXT in text(browser.get(paths(world)["project"]))


def test_of_a_project_that_is_gone_no_text_is_shown(as_user, world, found):
    GuardEvent.objects.filter(pk=found["shared"].pk).update(project=None)
    browser = as_user(world.platform_admin)
    page = text(browser.get(paths(world)["platform"]))
    assert "Shared text" not in page
    assert "The project is gone" in page
    assert "Shared text" not in text(browser.get(f"/guards/events/{found['shared'].pk}"))


def test_a_text_is_text_and_nothing_else(as_user, world):
    nasty = '<script>alert(1)</script>" onmouseover="x'
    row = event(world.project, text=nasty, reason=nasty, guard_name=nasty[:100], category="<b>x")
    browser = as_user(world.editor)
    for path in (paths(world)["project"], f"/guards/events/{row.pk}"):
        page = text(browser.get(path))
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
        assert "<b>x" not in page


# --- One finding ------------------------------------------------------------------------------
def one(found, name="blocked"):
    return f"/guards/events/{found[name].pk}"


SEES = {"editor": 200, "team_admin": 200, "platform_admin": 200} | dict.fromkeys(
    ("viewer", "member", "outsider", "outsider_admin"), 404
)


def test_a_finding_is_shown_to_those_who_see_it(client, as_user, world, found):
    assert client.get(one(found)).url.startswith("/login?next=")
    for name, status in SEES.items():
        answer = as_user(getattr(world, name)).get(one(found))
        assert answer.status_code == status, name
        assert (TEXT in text(answer)) == (status == 200)
    assert as_user(world.editor).get(f"/guards/events/{uuid4()}").status_code == 404


def test_who_asked_is_told_to_those_who_run_the_team_alone(as_user, world):
    row = event(world.project, user=world.viewer)
    path = f"/guards/events/{row.pk}"
    for name, is_told in (("editor", False), ("team_admin", True), ("platform_admin", True)):
        page = text(as_user(getattr(world, name)).get(path))
        assert ("Asked by" in page) == is_told, name
        assert (world.viewer.display_name in page) == is_told, name


def test_a_finding_without_a_judgement_has_no_form(as_user, world, found):
    page = text(as_user(world.editor).get(one(found, "failed")))
    assert "there is nothing to review" in page
    assert "Save review" not in page
    assert "timeout" in page


# --- Reviews ----------------------------------------------------------------------------------
def said(row):
    row.refresh_from_db()
    return row.review, row.review_note


def test_those_who_see_a_finding_review_it_and_others_change_nothing(client, as_user, world, found):
    row, path = found["blocked"], f"{one(found)}/review"
    sent = {"verdict": "wrong", "note": "A false alarm"}
    assert client.post(path, sent).url.startswith("/login")
    for name in ("viewer", "member", "outsider", "outsider_admin"):
        assert as_user(getattr(world, name)).post(path, sent).status_code == 404
        assert as_user(getattr(world, name)).post(f"{one(found)}/withdraw").status_code == 404
    assert said(row) == ("", "")
    for name in ("editor", "team_admin", "platform_admin"):
        GuardEvent.objects.filter(pk=row.pk).update(review="", review_note="")
        assert as_user(getattr(world, name)).post(path, sent).url == one(found)
        assert said(row) == ("wrong", "A false alarm")


def test_a_review_is_shown_changed_and_withdrawn(as_user, world, found):
    browser = as_user(world.editor)
    browser.post(f"{one(found)}/review", {"verdict": "right", "note": "Well found"})
    page = text(browser.get(one(found)))
    assert "Well found" in page
    assert "Editor" in page
    browser.post(f"{one(found)}/review", {"verdict": "wrong", "note": ""})
    assert said(found["blocked"]) == ("wrong", "")
    browser.post(f"{one(found)}/withdraw")
    assert said(found["blocked"]) == ("", "")
    assert "Withdraw" not in text(browser.get(one(found)))
    trail = Entry.objects.filter(action__startswith="guard_event.").values_list("action", flat=True)
    assert list(trail.order_by("id")) == [
        *["guard_event.review"] * 2,
        "guard_event.withdraw_review",
    ]


def test_a_double_click_is_one_review(as_user, world, found):
    browser = as_user(world.editor)
    for _ in range(2):
        browser.post(f"{one(found)}/review", {"verdict": "right"})
    assert Entry.objects.filter(action="guard_event.review").count() == 1


def test_the_list_is_reviewed_row_by_row_and_stays_where_it_was(as_user, world, found):
    browser = as_user(world.editor)
    here = f"{paths(world)['project']}?outcome=any&page=1"
    assert f'action="{one(found)}/review"' in text(browser.get(here))
    answer = browser.post(f"{one(found)}/review", {"verdict": "right", "next": here})
    assert answer.url == here
    assert f'action="{one(found)}/review"' not in text(browser.get(here))
    away = browser.post(
        f"{one(found)}/review", {"verdict": "wrong", "next": "https://evil.example/x"}
    )
    assert away.url == one(found)


@pytest.mark.parametrize(
    "sent", [{}, {"verdict": "maybe"}, {"verdict": "right", "note": "x" * 501}]
)
def test_a_wrong_form_is_shown_again(as_user, world, found, sent):
    answer = as_user(world.editor).post(f"{one(found)}/review", sent)
    assert answer.status_code == 400
    assert "needs attention" in text(answer)
    assert said(found["blocked"]) == ("", "")


def test_what_gave_no_judgement_is_not_reviewed(as_user, world, found):
    browser = as_user(world.editor)
    answer = browser.post(f"{one(found, 'failed')}/review", {"verdict": "right"}, follow=True)
    assert "gave no judgement" in text(answer)
    assert said(found["failed"]) == ("", "")


# --- The file ---------------------------------------------------------------------------------
def download(user, query="", *, key=None):
    """Return the answer and its text, read in one event loop as a server does."""

    async def run():
        headers = {"Authorization": f"Bearer {key}"} if key else None
        browser = AsyncClient()
        if user is not None:
            browser.cookies[settings.SESSION_COOKIE_NAME] = cookie
        answer = await browser.get(f"/api/guards/events.csv{query}", headers=headers)
        if not answer.streaming:
            return answer, answer.content.decode()
        return answer, b"".join([part async for part in answer.streaming_content]).decode()

    cookie = start_session(user) if user else ""
    log = WriteLog()
    with connection.execute_wrapper(log):
        found = async_to_sync(run)()
    log.check(
        {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/guards/events.csv"}, found[0].status_code
    )
    return found


def lines(user, query="", **more):
    answer, content = download(user, query, **more)
    assert answer.status_code == 200, content
    return list(csv.DictReader(io.StringIO(content, newline="")))


def test_the_file_has_what_the_list_has(as_user, world, found):
    browser = as_user(world.editor)
    for query in ("", "?outcome=any", "?outcome=any&review=none", "?period=all&stage=input"):
        page = browser.get(paths(world)["project"] + query)
        address = page.context["csv_url"].partition("?")[2]
        rows = lines(world.editor, f"?{address}")
        assert [row["event_id"] for row in rows] == [str(pk) for pk in listed(page)], query
    assert rows[0]["text"] == TEXT
    assert rows[0]["reason"] == REASON
    assert rows[0]["project"] == "Private"


def test_the_file_shows_nobody_more_than_they_may_see(world, found):
    seen = {
        name: {row["event_id"] for row in lines(getattr(world, name), "?outcome=any&period=all")}
        for name in SEES
    }
    own = {str(row.pk) for name, row in found.items() if name not in {"shared", "beta"}}
    assert seen["editor"] == own
    assert seen["team_admin"] == own | {str(found["shared"].pk)}
    assert seen["outsider_admin"] == {str(found["beta"].pk)}
    assert seen["viewer"] == seen["member"] == seen["outsider"] == set()
    assert len(seen["platform_admin"]) == len(found)
    # Another's project in the address opens nothing.
    assert lines(world.outsider_admin, f"?project={world.project.pk}&outcome=any") == []


def test_the_file_is_a_file_for_those_who_are_known(world, found):
    answer, _ = download(world.editor)
    assert answer["Content-Disposition"] == 'attachment; filename="findings.csv"'
    assert answer["Cache-Control"] == "no-store"
    assert download(None)[0].status_code == 401
    _, key = make_key(world.team_admin, project_ids=[world.project.pk])
    assert {row["project"] for row in lines(None, key=key)} == {"Private"}
    _, chat = make_key(world.editor, scope="chat")
    assert download(None, key=chat)[0].status_code == 403


def test_no_cell_begins_a_formula(world):
    event(world.project, text="=cmd|' /C calc'!A0", reason="@SUM(1)", review_note="+1")
    (row,) = lines(world.editor)
    assert row["text"].startswith("'=")
    assert row["reason"].startswith("'@")
    assert row["review_note"].startswith("'+")


def test_an_export_is_recorded_without_what_was_said(world, found):
    download(world.editor, f"?project={world.project.pk}&category=email")
    entry = Entry.objects.get(action="guard_event.export")
    assert (entry.actor_email, entry.team_id) == ("editor@example.org", world.alpha.pk)
    assert entry.changes["filters"] == {
        "project": world.project.pk,
        "category": "email",
        "outcome": "blocked",
        "period": "30d",
    }
    assert TEXT not in str(list(Entry.objects.values()))


def test_the_file_comes_in_portions_and_has_each_row_once(world, monkeypatch):
    monkeypatch.setattr(findings_export, "PORTION_ROWS", 7)
    moment = timezone.now()
    # Rows of one moment stand on both sides of a border.
    events(
        unsaved(world.project, at=moment - timedelta(seconds=number // 5), outcome=outcome)
        for number in range(15)
        for outcome in ("blocked", "warned")
    )
    rows = lines(world.editor, "?outcome=any")
    assert len(rows) == len({row["event_id"] for row in rows}) == 30
    moments = [row["created_at"] for row in rows]
    assert moments == sorted(moments, reverse=True)
    monkeypatch.setattr(findings_export, "PORTION_ROWS", 30)
    assert [row["event_id"] for row in lines(world.editor, "?outcome=any")] == [
        row["event_id"] for row in rows
    ]


# --- Questions to the database ----------------------------------------------------------------
@pytest.mark.parametrize("kind", DOORS)
def test_lists_ask_as_few_questions_of_many_rows_as_of_few(
    as_user, world, kind, django_assert_max_num_queries
):
    browser = as_user(world.platform_admin)
    for count in (1, 40):
        for number in range(count):
            name = f"P{kind}{count}-{number}"
            project = Project.objects.create(team=world.alpha, llm=world.llm, name=name)
            place = world.project if kind == "project" else project
            binding = GuardBinding.objects.create(project=place, name=name, detector="secrets")
            event(place, binding=binding, text="x", user=world.viewer, category=f"c{number}")
        for query in ("", "?outcome=any&period=all", "?category=c1&review=none"):
            # Three of them record that it was read.
            with django_assert_max_num_queries(15):
                assert browser.get(paths(world)[kind] + query).status_code == 200


def test_a_finding_asks_few_questions(as_user, world, found, django_assert_max_num_queries):
    for name in ("editor", "team_admin", "platform_admin"):
        browser = as_user(getattr(world, name))
        with django_assert_max_num_queries(15):
            assert browser.get(one(found)).status_code == 200


def test_a_portion_of_the_file_is_one_question(world, found, django_assert_num_queries):
    filters = FindingsFilters.of({"outcome": "any"}, "UTC")
    for name in ("editor", "platform_admin"):
        with django_assert_num_queries(1):
            assert findings_export.read_portion(acting(getattr(world, name)), filters).text


def test_programs_are_not_let_onto_pages(world, found):
    program = AuditedAPIClient().with_key(make_key(world.editor)[1])
    assert program.get(one(found)).status_code == 403


# --- The administration -------------------------------------------------------------------------
def test_the_administration_shows_findings_and_no_words(as_user, world, found):
    browser = as_user(world.platform_admin)
    listed_there = text(browser.get("/admin/guards/guardevent/"))
    row = text(browser.get(f"/admin/guards/guardevent/{found['blocked'].pk}/change/"))
    assert "Personal data" in listed_there
    assert "Personal data" in row
    for page in (listed_there, row):
        assert TEXT not in page
        assert REASON not in page
    assert "Save" not in row
