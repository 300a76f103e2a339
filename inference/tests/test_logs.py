"""The log of a project: what is kept by which switch, who reads it, and that it goes."""

import csv
import io
import json
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connection
from django.test import AsyncClient

from accounts import exports
from accounts.services import delete_user
from audit.models import Entry
from inference.logs.writing import TEXT_MAX_LENGTH, without_personal_data
from inference.models import Conversation, InferenceLog, Message
from inference.services import delete_conversation
from inference.tests.guarding import FORBIDDEN, bind_detector
from metering.models import UsageRecord
from projects.services import update_project
from restai_site.tests.clients import WriteLog, post_for_stream, start_session
from restai_site.tests.tables import tables_holding
from restai_site.tests.world import SYSTEM, acting, make_key

WAYS = ["chat", "chat, streamed", "api", "api, streamed"]


def switch(world, mode, **more):
    update_project(world.project, {"inference_logging": mode, **more}, actor=SYSTEM)


@pytest.fixture
def say(world, api_as):
    """Return a function: the viewer says something in one of the ways."""
    key = make_key(world.viewer)[1]
    program = api_as(world.viewer)

    def said(text, way="chat", **more):
        is_chat, streamed = way.startswith("chat"), way.endswith("streamed")
        if is_chat:
            url = f"/api/projects/{world.project.pk}/chat"
            body = {"message": text, **more}
        else:
            url = "/v1/chat/completions"
            messages = [{"role": "user", "content": text}]
            body = {"model": f"project/{world.project.pk}", "messages": messages, **more}
        if streamed:
            return post_for_stream(url, {**body, "stream": True}, key=key)[0]
        return program.post(url, body, format="json")

    return said


# --- What is kept ---------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_in_full_there_is_a_row_with_question_answer_and_numbers(world, say, way):
    assert say("What is a heron?", way).status_code == 200
    row, ledger = InferenceLog.objects.get(), UsageRecord.objects.get(kind="chat")
    assert (row.project, row.user, row.surface) == (world.project, world.viewer, way[:4].strip(","))
    assert row.question == "What is a heron?"
    assert row.answer != ""
    for name in ("call_id", "model_name", "prompt_tokens", "completion_tokens", "cost", "outcome"):
        assert getattr(row, name) == getattr(ledger, name), name
    assert row.streamed is way.endswith("streamed")
    assert row.api_key_id == ledger.api_key_id
    conversation = Conversation.objects.first()
    assert row.conversation == (conversation if way.startswith("chat") else None)


@pytest.mark.parametrize("way", WAYS)
def test_metadata_alone_has_the_row_and_no_word(world, say, way):
    mark = f"mark{uuid4().hex}"
    switch(world, "metadata")
    assert say(f"What is {mark}?", way).status_code == 200
    row = InferenceLog.objects.get()
    assert (row.question, row.answer, row.has_text) == ("", "", False)
    assert (row.user, row.tokens > 0, row.outcome) == (world.viewer, True, "completed")
    assert tables_holding(mark) == []
    assert not Conversation.objects.exists()


@pytest.mark.parametrize("way", WAYS)
def test_off_has_nothing_but_the_ledger(world, say, way):
    mark = f"mark{uuid4().hex}"
    switch(world, "off")
    assert say(f"What is {mark}?", way).status_code == 200
    assert not InferenceLog.objects.exists()
    assert UsageRecord.objects.filter(kind="chat").count() == 1
    assert tables_holding(mark) == []


def test_models_by_name_are_no_projects_and_leave_no_row(world, api_as):
    body = {"model": world.llm.name, "messages": [{"role": "user", "content": "Hi"}]}
    assert api_as(world.viewer).post("/v1/chat/completions", body).status_code == 200
    assert not InferenceLog.objects.exists()


def test_a_call_that_fails_has_a_row(world, say):
    world.llm.litellm_model = "error-500"
    world.llm.save()
    assert say("What?", "api").status_code >= 400
    row = InferenceLog.objects.get()
    assert (row.outcome, row.question, row.answer) == ("provider_error", "What?", "")


@pytest.mark.parametrize("way", ["chat", "api"])
def test_what_a_guard_has_blocked_is_not_in_it(world, say, way):
    bind_detector(world.project, stage="input")
    say(f"Tell me of {FORBIDDEN}", way)
    row = InferenceLog.objects.get()
    assert (row.outcome, row.question) == ("blocked", "")
    assert FORBIDDEN not in row.answer


@pytest.mark.parametrize("way", ["chat", "api"])
def test_what_a_guard_has_masked_is_masked_in_it(world, say, way):
    bind_detector(world.project, stage="input", mode="redact")
    say(f"Tell me of {FORBIDDEN}", way)
    row = InferenceLog.objects.get()
    assert FORBIDDEN not in row.question
    assert "Tell me of [" in row.question


@pytest.mark.parametrize("way", WAYS)
def test_personal_data_is_masked_where_the_project_says_so(world, say, way):
    switch(world, "full", masks_logs=True)
    say("SAY Write to ada.lovelace@example.org or call +49 30 901820", way)
    row = InferenceLog.objects.get()
    for text in (row.question, row.answer):
        assert "lovelace" not in text
        assert "901820" not in text
    assert "[email]" in row.question
    # The conversation is its owner's, as it was written.
    if way.startswith("chat"):
        assert "lovelace" in Message.objects.get(role="user").content


def test_masking_takes_any_text():
    assert without_personal_data("") == ""
    assert without_personal_data("Nothing here.") == "Nothing here."
    assert "4111" not in without_personal_data("Card 4111 1111 1111 1111")


def test_a_switch_while_the_answer_is_written_is_obeyed(world, say, monkeypatch):
    """What the row says is decided by the project as it is when the call ends."""
    from inference import finish

    original = finish.write_log

    def switching(*args):
        switch(world, "off")
        original(*args)

    monkeypatch.setattr(finish, "write_log", switching)
    say("What is a heron?", "api")
    assert not InferenceLog.objects.exists()


def test_masking_that_was_switched_on_meanwhile_leaves_no_open_text(world, say, monkeypatch):
    from inference import finish

    original = finish.write_log

    def switching(*args):
        switch(world, "full", masks_logs=True)
        original(*args)

    monkeypatch.setattr(finish, "write_log", switching)
    say("Write to ada@example.org", "api")
    assert InferenceLog.objects.get().has_text is False


def test_very_long_texts_are_cut(world, say):
    say("x" * (TEXT_MAX_LENGTH - 10), "api")
    assert len(InferenceLog.objects.get().question) <= TEXT_MAX_LENGTH


# --- How it goes ----------------------------------------------------------------------------------


def test_whoever_deletes_a_conversation_deletes_its_words_in_the_log(world, say):
    say("What is a heron?")
    say("Another conversation")
    delete_conversation(
        Conversation.objects.get(title="What is a heron?"), actor=acting(world.viewer)
    )
    first, second = InferenceLog.objects.order_by("pk")
    assert (first.has_text, first.conversation, first.tokens > 0) == (False, None, True)
    assert second.has_text


def test_switching_off_with_the_tick_deletes_the_words_of_all(world, say):
    say("What is a heron?")
    say("And by the API?", "api")
    off = {"inference_logging": "off"}
    update_project(world.project, off, delete_conversations=True, actor=SYSTEM)
    assert [row.has_text for row in InferenceLog.objects.all()] == [False, False]
    assert not Conversation.objects.exists()


def test_a_user_who_goes_takes_their_rows(world, say):
    say("What is a heron?", "api")
    mark = InferenceLog.objects.get().question
    delete_user(world.viewer, actor=acting(world.platform_admin))
    assert not InferenceLog.objects.exists()
    assert tables_holding(mark) == []


# --- Who reads it ---------------------------------------------------------------------------------


@pytest.fixture
def rows(world, say):
    say("What is a heron?")
    say("Where does it live?", "chat", conversation_id=str(Conversation.objects.get().pk))
    say("And by the API?", "api")
    return list(InferenceLog.objects.order_by("pk"))


def paths(world, row):
    pages = f"/projects/{world.project.pk}/log"
    return [pages, f"{pages}/{row.pk}", f"/api{pages}", f"/api{pages}/{row.pk}"]


@pytest.mark.parametrize("name", ["team_admin", "platform_admin"])
def test_admins_of_the_team_read_it_and_that_is_recorded(world, rows, as_user, name):
    browser = as_user(getattr(world, name))
    for path in paths(world, rows[0]):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert "What is a heron?" in answer.content.decode()
        entry = Entry.objects.filter(action="request.read").latest("pk")
        assert (entry.actor_id, entry.target_name) == (getattr(world, name).pk, path)


@pytest.mark.parametrize(
    ("name", "status"), [("editor", 403), ("viewer", 403), ("member", 404), ("outsider_admin", 404)]
)
def test_nobody_else_reads_it(world, rows, as_user, name, status):
    browser = as_user(getattr(world, name))
    more = [f"/api/projects/{world.project.pk}/log.{kind}" for kind in ("csv", "jsonl")]
    for path in [*paths(world, rows[0]), *more]:
        assert browser.get(path).status_code == status, path


def test_rows_of_another_project_are_not_found(world, rows, as_user):
    browser = as_user(world.team_admin)
    other = world.shared_project.pk
    for path in (f"/projects/{other}/log/{rows[0].pk}", f"/api/projects/{other}/log/{rows[0].pk}"):
        assert browser.get(path).status_code == 404


def test_a_conversation_is_replayed_in_order(world, rows, as_user):
    page = as_user(world.team_admin).get(f"/projects/{world.project.pk}/log/{rows[1].pk}")
    text = page.content.decode()
    assert text.index("What is a heron?") < text.index("Where does it live?")
    assert "And by the API?" not in text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("surface=api", 1),
        ("surface=chat", 2),
        ("user_email=nobody@example.org", 0),
        ("outcome=completed", 3),
        ("outcome=blocked", 0),
        ("until=2020-01-01T00:00:00Z", 0),
        ("since=2020-01-01T00:00:00Z", 3),
    ],
)
def test_filters_narrow_it(world, rows, as_user, query, count):
    browser = as_user(world.team_admin)
    found = browser.get(f"/api/projects/{world.project.pk}/log?{query}").json()["results"]
    assert len(found) == count
    page = browser.get(f"/projects/{world.project.pk}/log?{query}").content.decode()
    assert page.count('class="line-link"') == count


@pytest.mark.parametrize("query", ["since=x", "surface=x", "outcome=x", "user=x", "conversation=x"])
def test_nonsense_is_told(world, rows, as_user, query):
    browser = as_user(world.team_admin)
    assert browser.get(f"/api/projects/{world.project.pk}/log?{query}").status_code == 400
    answer = browser.get(f"/projects/{world.project.pk}/log?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()


def fetch(path, user):
    async def run():
        browser = AsyncClient()
        browser.cookies[settings.SESSION_COOKIE_NAME] = cookie
        answer = await browser.get(path)
        return b"".join([part async for part in answer.streaming_content]).decode()

    cookie = start_session(user)
    log = WriteLog()
    with connection.execute_wrapper(log):
        found = async_to_sync(run)()
    log.check({"REQUEST_METHOD": "GET", "PATH_INFO": path}, 200)
    return found


def test_files_have_the_rows_of_the_list_in_portions(world, rows, monkeypatch):
    monkeypatch.setattr(exports, "PORTION_ROWS", 2)
    base = f"/api/projects/{world.project.pk}/log"
    ids = [row.pk for row in rows][::-1]
    found = [json.loads(line) for line in fetch(f"{base}.jsonl", world.team_admin).splitlines()]
    assert [row["id"] for row in found] == ids
    assert found[-1]["question"] == "What is a heron?"
    assert found[-1]["user_email"] == world.viewer.email
    found = list(csv.DictReader(io.StringIO(fetch(f"{base}.csv?surface=api", world.team_admin))))
    assert [row["question"] for row in found] == ["And by the API?"]
    entry = Entry.objects.acts().latest("pk")
    assert (entry.action, entry.changes) == (
        "inference_log.export",
        {"filters": {"surface": "api"}},
    )


def test_a_page_asks_the_same_however_many_rows(
    world, rows, as_user, django_assert_max_num_queries
):
    browser = as_user(world.team_admin)
    for count in (0, 60):
        for _ in range(count):
            values = {"user": world.viewer, "surface": "api", "model_name": "m"}
            InferenceLog.objects.create(
                call_id=uuid4(),
                project=world.project,
                prompt_tokens=1,
                completion_tokens=1,
                latency_ms=1,
                outcome="completed",
                **values,
            )
        for path in paths(world, rows[0])[::2]:
            with django_assert_max_num_queries(15):
                assert browser.get(path).status_code == 200


def test_the_page_says_how_the_project_logs(world, rows, as_user):
    browser = as_user(world.team_admin)
    path = f"/projects/{world.project.pk}/log"
    assert "with what was asked and answered" in browser.get(path).content.decode()
    switch(world, "metadata")
    assert "keeps metadata alone" in browser.get(path).content.decode()
    switch(world, "off")
    assert "Logging is off" in browser.get(path).content.decode()
    chat = as_user(world.viewer).get(f"/projects/{world.shared_project.pk}/chat")
    assert "Admins of the team can read it" in chat.content.decode()


def test_it_stands_among_the_pages_of_projects(world, rows, as_user):
    browser = as_user(world.team_admin)
    page = browser.get(f"/projects/{world.project.pk}/log").content.decode()
    sidebar = page[: page.index("<main")]
    current = sidebar[: sidebar.index('aria-current="page"')]
    assert current.rindex('href="/projects"') > current.rindex('href="/chat"')
