"""What the platform has about a person, as a file for them alone."""

import json
import zipfile
from datetime import timedelta
from io import BytesIO

import pytest
from django.utils import timezone

from accounts.models import ApiKey, DataExport
from accounts.personal import files, services
from accounts.personal.holdings import holdings
from accounts.services import delete_user
from accounts.tasks import make_data_export
from audit.models import Entry
from guards.models import GuardEvent
from inference.models import Conversation, InferenceLog, Message
from projects.retention import engine
from projects.retention.kinds import kind_named
from restai_site.lib.errors import Conflict, Forbidden, NotFound
from restai_site.tests.background import waiting
from restai_site.tests.clients import AuditedClient, start_session
from restai_site.tests.tables import tables_holding
from restai_site.tests.test_retention import call, find, talk
from restai_site.tests.world import acting, make_key

PAGE = "/profile/data"


def mine(user):
    return acting(user, session_id="00000000-0000-0000-0000-000000000001")


@pytest.fixture
def used(world):
    """A world in which the editor and the viewer have each said and done something."""
    now = timezone.now()
    for user, name in ((world.editor, "editor"), (world.viewer, "viewer")):
        made = talk(world.project, user, now)
        Message.objects.filter(conversation=made, role="user").update(content=f"Said by {name}")
        row = call(world, now)
        type(row).objects.filter(pk=row.pk).update(user=user, model_name=f"model of {name}")
        event = find(world.project, now, user=user)
        GuardEvent.objects.filter(pk=event).update(text=f"Found of {name}")
        InferenceLog.objects.create(
            call_id=row.call_id,
            project=world.project,
            user=user,
            surface="api",
            model_name="m",
            prompt_tokens=1,
            completion_tokens=1,
            latency_ms=1,
            outcome="completed",
            question=f"Asked by {name}",
        )
        make_key(user, f"Key of {name}")
        start_session(user, ip="192.0.2.44" if name == "editor" else "192.0.2.55")
    return world


def exported(user):
    """Have a file made and return what is in it, by name."""
    row = services.ask(user, actor=mine(user))
    assert make_data_export(row.pk) is True
    row.refresh_from_db()
    with zipfile.ZipFile(BytesIO(services.fetch(row, actor=mine(user)))) as archive:
        assert archive.testzip() is None
        names = [name for name in archive.namelist() if name.endswith(".json")]
        return {name.removesuffix(".json"): json.loads(archive.read(name)) for name in names}


def test_it_has_everything_about_the_person_and_nothing_about_others(used):
    found = exported(used.editor)
    assert set(found) == set(holdings())
    text = json.dumps(found)
    for words in ("Said by editor", "Asked by editor", "Found of editor", "Key of editor"):
        assert words in text
    assert found["profile"][0]["email"] == used.editor.email
    said = {row["role"]: row["content"] for row in found["conversations"][0]["messages"]}
    assert said == {"user": "Said by editor", "assistant": "Answer 0"}
    assert found["teams"] == [{**found["teams"][0], "team": "Alpha", "role": "member"}]
    assert found["projects"][0]["project"] == "Private"
    assert [row["model_name"] for row in found["usage"]] == ["model of editor"]
    assert found["sessions"][0]["ip"] == "192.0.2.44"
    assert "user.export" in {row["action"] for row in found["actions"]}
    for words in ("viewer", "192.0.2.55"):
        assert words not in text, words


def test_no_secret_and_no_digest_is_in_it(used):
    text = json.dumps(exported(used.editor))
    used.editor.refresh_from_db()
    key = ApiKey.objects.filter(user=used.editor).latest("pk")
    for secret in (used.editor.password, key.digest):
        assert secret
        assert secret not in text


def test_each_kind_is_there_also_where_there_is_nothing(world):
    found = exported(world.member)
    assert set(found) == set(holdings())
    assert found["conversations"] == []


def test_who_asks_and_fetches_is_recorded(used):
    exported(used.editor)
    actions = Entry.objects.acts().filter(actor_id=used.editor.pk).order_by("-pk")
    assert list(actions.values_list("action", flat=True)[:2]) == [
        "user.export_fetch",
        "user.export",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"session_id": None, "credential": "key:1", "api_key_id": 1},
        {"session_id": None, "credential": "basic"},
        {"impersonator_id": 1},
    ],
)
def test_keys_basic_and_impersonators_get_none(used, change):
    row = services.ask(used.editor, actor=mine(used.editor))
    make_data_export(row.pk)
    values = {"session_id": "00000000-0000-0000-0000-000000000001", **change}
    actor = acting(used.editor, **values)
    with pytest.raises(Forbidden):
        services.ask(used.editor, actor=actor)
    with pytest.raises(NotFound):
        services.fetch(row, actor=actor)


@pytest.mark.parametrize("name", ["viewer", "team_admin", "platform_admin", "outsider_admin"])
def test_nobody_else_gets_it(used, as_user, name):
    row = services.ask(used.editor, actor=mine(used.editor))
    make_data_export(row.pk)
    other = getattr(used, name)
    with pytest.raises(Forbidden):
        services.ask(used.editor, actor=mine(other))
    browser = as_user(other)
    for path in (f"{PAGE}/{row.pk}", f"/api/auth/data-exports/{row.pk}/file"):
        assert browser.get(path).status_code == 404
    assert browser.get("/api/auth/data-exports").json()["results"] == []


def test_an_administrator_who_acts_as_somebody_gets_none(used):
    browser = AuditedClient()
    browser.force_login(used.editor, impersonator=used.platform_admin)
    assert browser.get(PAGE).status_code == 403
    assert browser.post(f"{PAGE}/make").status_code == 403


def test_one_at_a_time_and_few_a_day(used):
    first = services.ask(used.editor, actor=mine(used.editor))
    assert services.ask(used.editor, actor=mine(used.editor)).pk == first.pk
    make_data_export(first.pk)
    for _ in range(files.PER_DAY - 1):
        make_data_export(services.ask(used.editor, actor=mine(used.editor)).pk)
    with pytest.raises(Conflict):
        services.ask(used.editor, actor=mine(used.editor))
    # What others ask for is counted by itself.
    services.ask(used.viewer, actor=mine(used.viewer))


def test_one_whose_worker_died_is_given_up(used):
    first = services.ask(used.editor, actor=mine(used.editor))
    past = timezone.now() - files.GIVEN_UP_AFTER - timedelta(seconds=1)
    DataExport.objects.update(created_at=past)
    second = services.ask(used.editor, actor=mine(used.editor))
    assert second.pk != first.pk
    first.refresh_from_db()
    assert (first.is_ready, "try again" in first.failure) == (False, True)
    # A late delivery of the first changes nothing.
    assert make_data_export(first.pk) is False


def test_delivered_twice_it_is_made_once(used):
    row = services.ask(used.editor, actor=mine(used.editor))
    assert make_data_export(row.pk) is True
    assert make_data_export(row.pk) is False
    assert make_data_export(999_999) is False


def test_what_is_too_large_says_so(used, monkeypatch):
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    row = services.ask(used.editor, actor=mine(used.editor))
    assert make_data_export(row.pk) is False
    row.refresh_from_db()
    assert (row.content, row.failure) == (None, files.TOO_LARGE)


def test_the_page_makes_shows_and_gives_it(used, as_user):
    waiting()
    browser = as_user(used.editor)
    assert "No file yet" in browser.get(PAGE).content.decode()
    assert browser.post(f"{PAGE}/make").status_code == 302
    page = browser.get(PAGE).content.decode()
    assert "Being made" in page
    assert "every 2s" in page
    row = DataExport.objects.get()
    assert [(job.task, job.args) for job in waiting()] == [("accounts.make_data_export", [row.pk])]
    assert browser.get(f"{PAGE}/{row.pk}").status_code == 404
    make_data_export(row.pk)
    page = browser.get(PAGE).content.decode()
    assert "Ready" in page
    assert "every 2s" not in page
    answer = browser.get(f"{PAGE}/{row.pk}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    assert "attachment" in answer["Content-Disposition"]
    assert zipfile.is_zipfile(BytesIO(answer.content))


def test_by_the_api(used, as_user):
    browser = as_user(used.editor)
    made = browser.post("/api/auth/data-exports", content_type="application/json")
    assert made.status_code == 201
    path = f"/api/auth/data-exports/{made.json()['id']}"
    assert browser.get(f"{path}/file").status_code == 404
    make_data_export(made.json()["id"])
    found = browser.get(path).json()
    assert (found["done"], found["failure"]) == (found["total"], "")
    answer = browser.get(f"{path}/file")
    assert zipfile.is_zipfile(BytesIO(answer.content))
    assert browser.delete(path).status_code == 405


def test_lists_ask_the_same_and_leave_the_files_in_the_table(
    used, as_user, django_assert_max_num_queries
):
    browser = as_user(used.editor)
    for count in (1, 15):
        for _ in range(count):
            DataExport.objects.create(
                user=used.editor, finished_at=timezone.now(), content=b"x" * 1000
            )
        for path in (PAGE, "/api/auth/data-exports"):
            with django_assert_max_num_queries(8):
                assert browser.get(path).status_code == 200


def test_files_go_after_their_time_and_with_their_person(used):
    row = services.ask(used.editor, actor=mine(used.editor))
    make_data_export(row.pk)
    assert engine.purge(kind_named("exports")).deleted == 0
    DataExport.objects.update(created_at=timezone.now() - timedelta(days=7, seconds=1))
    assert engine.purge(kind_named("exports")).deleted == 1
    row = services.ask(used.viewer, actor=mine(used.viewer))
    make_data_export(row.pk)
    delete_user(used.viewer, actor=acting(used.platform_admin))
    assert not DataExport.objects.exists()
    for words in ("Said by viewer", "Asked by viewer", "Found of viewer"):
        assert tables_holding(words) == []
    assert not Conversation.objects.filter(user_id=used.viewer.pk).exists()
