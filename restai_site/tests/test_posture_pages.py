"""The security posture as a page, in the API and in the terminal: the same for all three."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from restai_site.lib import posture
from restai_site.lib.posture import (
    Area,
    Check,
    Example,
    Finding,
    State,
    command,
    failed,
    good,
    listing_of,
    page,
    variable,
)

ROLES = ["team_admin", "editor", "viewer", "member", "outsider", "outsider_admin"]
NOT_MADE = "This check could not be made; the log of the server says why."


def raises() -> Finding:
    raise ValueError("s3cret")


CHECKS = [
    Check("fine", "Fine", Area.DATA, State.CRITICAL, lambda: good("All is stored.")),
    Check(
        "keys",
        "Keys",
        Area.SECRETS,
        State.WARNING,
        lambda: failed(
            "11 keys are odd.",
            page("Open keys", "projects:list", q="odd"),
            found=listing_of(Example(f"key\x1b[31m <b>{n}", "projects:list") for n in range(11)),
        ),
    ),
    Check(
        "debug",
        "Debug",
        Area.DEPLOYMENT,
        State.ADVICE,
        lambda: failed("It is on.", variable("DEBUG")),
    ),
    Check(
        "rows",
        "Rows",
        Area.DATA,
        State.ADVICE,
        lambda: failed("They are old.", command("manage.py migrate", "Run as owner")),
    ),
    Check("broken", "Broken", Area.DATA, State.CRITICAL, raises),
]


@pytest.fixture
def known(monkeypatch):
    """Return a function that leaves these checks, of all, to be made."""

    def only(*slugs):
        chosen = {one.slug: one for one in CHECKS if not slugs or one.slug in slugs}
        monkeypatch.setattr(posture, "_checks", chosen)

    return only


def doctor(*words):
    """Return the exit status and what the command prints."""
    out = StringIO()
    try:
        call_command("doctor", *words, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


# --- The doors ------------------------------------------------------------------------------


def test_who_is_not_signed_in_is_sent_to_the_log_in(client, db):
    assert client.get("/security").url == "/login?next=/security"


@pytest.mark.parametrize("role", ROLES)
def test_the_page_is_refused_to_all_but_platform_administrators(role, as_user, world):
    answer = as_user(getattr(world, role)).get("/security")
    assert answer.status_code == 403
    assert "This page is for platform administrators." in answer.content.decode()
    assert "Second factor" not in answer.content.decode()


def test_an_api_key_opens_no_page(api_as, world):
    assert api_as(world.platform_admin).get("/security").status_code == 403


def test_the_api_wants_a_credential(api, db):
    assert api.get("/api/posture").status_code == 401


@pytest.mark.parametrize("role", ROLES)
def test_the_api_is_refused_to_all_but_platform_administrators(role, api_as, world):
    answer = api_as(getattr(world, role)).get("/api/posture")
    assert answer.status_code == 403
    assert answer.json()["detail"] == "Only platform administrators may do this."


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_posture_is_for_reading(method, api_as, as_user, world, known):
    known("fine")
    assert getattr(api_as(world.platform_admin), method)("/api/posture").status_code == 405
    assert getattr(as_user(world.platform_admin), method)("/security").status_code == 405


def test_the_navigation_leads_platform_administrators_there(as_user, world):
    assert 'href="/security"' in as_user(world.platform_admin).get("/projects").content.decode()
    assert 'href="/security"' not in as_user(world.team_admin).get("/projects").content.decode()


# --- The page -------------------------------------------------------------------------------


def test_the_page_says_the_whole_then_each_area_with_the_worst_first(as_user, world, known):
    known()
    answer = as_user(world.platform_admin).get("/security")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert (
        "Nothing is urgent: 1 thing should be looked at soon and 1 check could not be made." in text
    )
    areas = [group.area for group in answer.context["report"].areas]
    assert areas == [Area.SECRETS, Area.DATA, Area.DEPLOYMENT]
    places = [text.index(f'id="{slug}"') for slug in ("keys", "broken", "rows", "fine", "debug")]
    assert places == sorted(places)
    assert text.index("1 good</summary>") < text.index('id="fine"')


def test_the_page_shows_reason_examples_and_what_mends_it(as_user, world, known):
    known()
    text = as_user(world.platform_admin).get("/security").content.decode()
    assert "11 keys are odd." in text
    assert "&lt;b&gt;9</a>" in text
    assert "<b>9" not in text
    assert "and 1 more" in text
    assert 'href="/projects?q=odd">Open keys</a>' in text
    assert "Set in the environment: <code>DEBUG</code>" in text
    assert "Run as owner: <code>manage.py migrate</code>" in text
    assert 'href="/security">' in text.split("Check again")[0].rsplit("<a", 1)[1]


@pytest.mark.parametrize("word", ["Critical", "Warning", "Unknown", "Advice", "Good"])
def test_states_are_told_in_words(word, as_user, world, known):
    known()
    assert f"</svg>{word}</span>" in as_user(world.platform_admin).get("/security").content.decode()


def test_a_check_that_fails_shows_no_trace_and_hides_no_other(as_user, api_as, world, known):
    known("broken", "debug")
    browser, program = as_user(world.platform_admin), api_as(world.platform_admin)
    for text in (
        browser.get("/security").content.decode(),
        program.get("/api/posture").content.decode(),
        doctor()[1],
    ):
        assert NOT_MADE in text
        assert "It is on." in text
        assert "s3cret" not in text
        assert "Traceback" not in text


# --- The API --------------------------------------------------------------------------------


def test_the_api_answers_the_report(api_as, world, known):
    known("keys", "fine")
    answer = api_as(world.platform_admin).get("/api/posture").json()
    remedy = {"label": "Open keys", "url": "/projects?q=odd", "variable": "", "command": ""}
    (keys, fine) = answer.pop("checks")
    assert answer == {
        "state": "warning",
        "sentence": "Nothing is urgent: 1 thing should be looked at soon.",
        "counts": {"critical": 0, "warning": 1, "unknown": 0, "advice": 0, "good": 1},
    }
    examples = keys.pop("examples")
    assert examples[0] == {"name": "key\x1b[31m <b>0", "url": "/projects"}
    assert len(examples) == 10
    assert keys == {
        "slug": "keys",
        "title": "Keys",
        "area": "Secrets",
        "state": "warning",
        "reason": "11 keys are odd.",
        "total": 11,
        "remedy": remedy,
    }
    assert fine == {
        "slug": "fine",
        "title": "Fine",
        "area": "Data",
        "state": "good",
        "reason": "All is stored.",
        "total": 0,
        "examples": [],
        "remedy": None,
    }


def test_a_session_may_ask_the_api_too(as_user, world, known):
    known("fine")
    assert as_user(world.platform_admin).get("/api/posture").json()["state"] == "good"


def test_the_schema_describes_it(world, as_user, api_as):
    schema = as_user(world.member).get("/api/schema", {"format": "json"}).json()
    operation = schema["paths"]["/api/posture"]["get"]
    reference = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    described = schema["components"]["schemas"][reference.rsplit("/", 1)[1]]["properties"]
    answer = api_as(world.platform_admin).get("/api/posture").json()
    assert set(described) == set(answer)
    assert set(schema["components"]["schemas"]["Result"]["properties"]) == set(answer["checks"][0])


# --- The command ----------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_command_prints_the_same_aligned_and_without_colour(known, settings):
    settings.PUBLIC_URL = "https://chat.example.org"
    known()
    named = ", ".join(f"key\\x1b[31m <b>{number}" for number in range(10))
    assert doctor() == (
        0,
        f"""\
Secrets
  WARNING   Keys
            11 keys are odd.
            {named}, and 1 more
            Open keys: https://chat.example.org/projects?q=odd

Data
  UNKNOWN   Broken
            {NOT_MADE}
  ADVICE    Rows
            They are old.
            Run as owner: manage.py migrate
  GOOD      Fine
            All is stored.

Deployment
  ADVICE    Debug
            It is on.
            Set in the environment: DEBUG

Nothing is urgent: 1 thing should be looked at soon and 1 check could not be made. \
(0 critical, 1 warning, 1 unknown, 2 advice, 1 good)
""",
    )


@pytest.mark.django_db
def test_colour_comes_only_where_it_is_wanted(known):
    known("debug")
    assert "\x1b[" not in doctor()[1]
    assert "\x1b[" in doctor("--force-color")[1]


@pytest.mark.django_db
def test_the_command_prints_json_that_the_api_answers(known, api_as, world):
    known()
    _, printed = doctor("--json")
    assert json.loads(printed) == api_as(world.platform_admin).get("/api/posture").json()
    assert "\x1b" not in printed


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("slugs", "critical", "warning"),
    [
        (["fine"], 0, 0),
        (["fine", "debug", "rows"], 0, 0),
        (["fine", "keys"], 0, 1),
        (["fine", "broken"], 0, 1),
    ],
)
def test_the_exit_status_says_whether_it_is_bad_enough(slugs, critical, warning, known):
    known(*slugs)
    assert doctor()[0] == critical
    assert doctor("--fail-on", "critical")[0] == critical
    assert doctor("--fail-on", "warning")[0] == warning
    assert doctor("--json", "--fail-on", "warning")[0] == warning


@pytest.mark.django_db
def test_what_is_critical_ends_with_1(monkeypatch):
    bad = Check("bad", "Bad", Area.DATA, State.CRITICAL, lambda: failed("It burns."))
    monkeypatch.setattr(posture, "_checks", {"bad": bad})
    assert doctor()[0] == 1
    assert doctor("--fail-on", "warning")[0] == 1


@pytest.mark.django_db
def test_the_command_logs_a_failure_in_one_line_unless_told_to_trace_it(known, caplog):
    known("broken")
    doctor()
    (entry,) = caplog.records
    assert entry.getMessage() == "The posture check broken failed: ValueError."
    assert entry.exc_info is None
    caplog.clear()
    doctor("--traceback")
    (entry,) = caplog.records
    assert str(entry.exc_info[1]) == "s3cret"
