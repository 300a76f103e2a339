"""The audit trail as CSV and as lines of JSON: the same rows as the list, streamed."""

import csv
import io
import json

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connection, transaction
from django.test import AsyncClient

from accounts import exports
from accounts.models import User
from audit.models import Entry
from audit.sections import AuditSection
from audit.services import record
from restai_site.lib import configuration
from restai_site.lib.actor import Actor
from restai_site.tests.clients import WriteLog, start_session
from restai_site.trail import export

ADA = Actor(user_id=4711, email="ada@example.org", ip="192.0.2.7", request_id="request-1")
EVIL = "=HYPERLINK(1)"
# The trail tells how the cast came to be.
pytestmark = pytest.mark.usefixtures("world_by_services")


def fetch(path, user):
    """Return the answer and its text, read as a server sends it."""

    async def run():
        browser = AsyncClient()
        browser.cookies[settings.SESSION_COOKIE_NAME] = cookie
        answer = await browser.get(path)
        if not answer.streaming:
            return answer, answer.content.decode()
        return answer, b"".join([part async for part in answer.streaming_content]).decode()

    cookie = start_session(user)
    log = WriteLog()
    with connection.execute_wrapper(log):
        found = async_to_sync(run)()
    log.check({"REQUEST_METHOD": "GET", "PATH_INFO": path}, found[0].status_code)
    return found


def write(count, **more):
    with transaction.atomic():
        return [
            record(ADA, "user.update", User, changes={"name": f"N{number}"}, **more)
            for number in range(count)
        ]


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_each_format_has_the_rows_of_the_list_in_portions(world, monkeypatch):
    monkeypatch.setattr(exports, "PORTION_ROWS", 7)
    written = [entry.pk for entry in write(20)][::-1]
    query = "?actor_email=ada@example.org"
    answer, text = fetch(f"/api/audit.jsonl{query}", world.platform_admin)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/jsonl; charset=utf-8")
    assert 'filename="audit.jsonl"' in answer["Content-Disposition"]
    found = lines(text)
    assert [row["id"] for row in found] == written
    assert list(found[0]) == list(export.FIELDS)
    assert (found[0]["changes"], found[0]["ip"]) == ({"name": "N19"}, "192.0.2.7")
    answer, text = fetch(f"/api/audit.csv{query}", world.platform_admin)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["id"]) for row in rows] == written
    assert json.loads(rows[0]["changes"]) == {"name": "N19"}


def test_everything_is_everything(world):
    _, text = fetch("/api/audit.jsonl?kind=all", world.platform_admin)
    exported = [row["id"] for row in lines(text)]
    # What was recorded of the export itself is the newest: it comes first, or is not there yet.
    assert set(Entry.objects.exclude(action="request.read").values_list("pk", flat=True)) <= {
        *exported
    }


def test_no_cell_begins_a_formula(world):
    write(1, name=EVIL)
    _, text = fetch("/api/audit.csv?actor_email=ada@example.org", world.platform_admin)
    assert f"'{EVIL}" in text


def test_it_is_recorded_with_what_was_asked_for(world):
    fetch("/api/audit.csv?action=user.update", world.platform_admin)
    entry = Entry.objects.acts().latest("pk")
    assert (entry.action, entry.changes) == (
        "audit.download",
        {"filters": {"action": "user.update"}},
    )
    assert Entry.objects.filter(action="request.read", target_id="audit-csv").count() == 1


@pytest.mark.parametrize("path", ["/api/audit.csv", "/api/audit.jsonl"])
def test_nonsense_and_others_are_refused(world, path):
    answer, text = fetch(f"{path}?team=x&since=yesterday", world.platform_admin)
    assert answer.status_code == 400
    assert set(json.loads(text)["errors"]) == {"team", "since"}
    for name in ("team_admin", "editor", "outsider_admin"):
        assert fetch(path, getattr(world, name))[0].status_code == 403
    assert not Entry.objects.filter(action="audit.download").exists()


def test_team_admins_get_their_team_alone(world):
    with configuration.overridden(AuditSection, team_admins_read=True):
        _, text = fetch("/api/audit.jsonl", world.team_admin)
    assert {row["team_id"] for row in lines(text)} == {world.alpha.pk}


def test_a_portion_is_one_question(world, django_assert_num_queries):
    from restai_site.tests.world import acting

    with django_assert_num_queries(1):
        export.read_portion(acting(world.platform_admin), {"kind": "all"})
