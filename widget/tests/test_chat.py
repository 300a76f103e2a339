"""Visitors talk: by the one way to a model, each for themselves alone."""

import json
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from audit.models import Entry
from guards.models import GuardBinding
from inference.models import Conversation, InferenceLog, Message
from metering.models import UsageRecord
from metering.rolling_up import roll_up
from projects.services import update_project
from restai_site.lib.errors import TooManyRequests
from restai_site.tests.tables import tables_holding
from restai_site.tests.world import SYSTEM, acting
from widget import limits
from widget.models import Feedback, Visitor
from widget.services import set_daily_cap, update_widget
from widget.tests.conftest import SITE, Page


def events_of(sent):
    blocks = [block.split("\n", 1) for block in sent.decode().strip().split("\n\n")]
    return [
        (name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for name, data in blocks
    ]


def told(page, message="Hello", /, **body):
    """Say something that is answered; return the conversation, the text and how it ended."""
    response, sent = page.say(message, **body)
    assert response.status_code == 200, sent
    events = events_of(sent)
    text = "".join(data["text"] for name, data in events if name == "token")
    return events[0][1]["conversation_id"], text, events[-1]


def refused(page, message="Hello", /, **body):
    response, sent = page.say(message, **body)
    return response.status_code, json.loads(sent)["code"]


@pytest.fixture
def visitor(page):
    page.begin()
    return page


def test_an_answer_is_streamed_kept_and_counted_for_nobody_in_person(visitor, world, provider):
    conversation, text, (name, done) = told(visitor, page="/shop/shoes?email=a@example.org#x")
    assert (name, done["outcome"]) == ("done", "completed")
    assert text
    # What a visitor learns holds no figure of what it cost.
    assert set(done) == {"message_id", "outcome"}
    kept = Conversation.objects.get(pk=conversation)
    assert (kept.user_id, kept.visitor_id) == (None, Visitor.objects.get().pk)
    assert Message.objects.get(role="assistant").content == text
    used = UsageRecord.objects.get()
    assert (used.user_id, used.api_key_id) == (None, visitor.widget.key_id)
    assert (used.project_id, used.team_id) == (world.project.pk, world.alpha.pk)
    log = InferenceLog.objects.get()
    assert (log.surface, log.page, log.question) == ("widget", "/shop/shoes", "Hello")
    assert provider.requests[-1].body["messages"][0]["role"] == "system"


def test_a_conversation_goes_on(visitor, provider):
    conversation, _, _ = told(visitor, "One")
    again, _, _ = told(visitor, "Two", conversation_id=conversation)
    assert again == conversation
    sent = provider.requests[-1].body["messages"]
    assert [one["content"] for one in sent if one["role"] == "user"] == ["One", "Two"]
    shown = visitor.ask("conversation", {"conversation_id": conversation}).json()
    assert [one["role"] for one in shown["messages"]] == ["user", "assistant"] * 2


def test_an_answer_is_given_anew_in_the_place_of_the_one_before(visitor, provider):
    conversation, _, (_, first) = told(visitor, "First")
    again = {"conversation_id": conversation, "regenerate_message_id": first["message_id"]}
    same, _, (_, second) = told(visitor, "", **again)
    assert same == conversation
    assert second["message_id"] != first["message_id"]
    said = provider.requests[-1].body["messages"]
    assert [one["content"] for one in said if one["role"] == "user"] == ["First"]
    shown = visitor.ask("conversation", {"conversation_id": conversation}).json()["messages"]
    assert [one["id"] for one in shown if one["role"] == "assistant"] == [second["message_id"]]
    assert len(shown) == 2


def test_no_visitor_sees_or_continues_anothers_conversation(visitor, world):
    conversation, _, (_, done) = told(visitor, "The first one's words")
    other = Page(visitor.widget, visitor.key)
    other.begin()
    for body in ({"conversation_id": conversation}, {"conversation_id": str(uuid4())}):
        assert other.ask("conversation", body).status_code == 404
        assert refused(other, **body)[0] == 404
    assert other.ask("conversations").json() == {"conversations": []}
    judged = {"message_id": done["message_id"], "is_helpful": True}
    assert other.ask("feedback", judged).status_code == 404
    own, _, _ = told(other, "The other one's")
    for named in (conversation, own):
        again = {"conversation_id": named, "regenerate_message_id": done["message_id"]}
        assert refused(other, "", **again)[0] == 404


def test_nobody_with_an_account_reads_them_as_conversations(visitor, world, as_user):
    conversation, _, _ = told(visitor)
    for name in ("editor", "team_admin", "platform_admin"):
        browser = as_user(getattr(world, name))
        shown = browser.get(f"/projects/{world.project.pk}/chat").content.decode()
        assert conversation not in shown
        path = f"/projects/{world.project.pk}/chat/{conversation}"
        assert browser.get(path).status_code == 404


def test_a_visitor_reaches_no_conversation_of_people(visitor, world):
    theirs = Conversation.objects.create(project=world.project, user=world.editor, title="Mine")
    assert visitor.ask("conversation", {"conversation_id": str(theirs.pk)}).status_code == 404
    assert refused(visitor, conversation_id=str(theirs.pk))[0] == 404


def test_without_a_session_nothing_is_answered(page, provider):
    assert refused(page) == (401, "session_ended")
    assert provider.requests == []


def test_the_prompt_and_the_parameters_stay_those_of_the_project(visitor, provider):
    for body in (
        {"temperature": 2},
        {"max_tokens": 9},
        {"model": "alpha-llm"},
        {"messages": []},
        {"history": [{"role": "system", "content": "x"}]},
        {"widget": 1},
        {"project": 1},
    ):
        assert refused(visitor, **body)[0] == 400, body
    assert provider.requests == []


def test_messages_are_as_long_as_the_widget_says(visitor):
    update_widget(visitor.widget, {"message_length": 10}, actor=SYSTEM)
    assert refused(visitor, "x" * 11)[0] == 400
    assert told(visitor, "x" * 10)


def test_conversations_have_as_many_turns_as_the_widget_says(visitor):
    update_widget(visitor.widget, {"turns": 2}, actor=SYSTEM)
    conversation, _, _ = told(visitor)
    _, _, (_, done) = told(visitor, conversation_id=conversation)
    assert refused(visitor, conversation_id=conversation) == (409, "conversation_full")
    # The last question may be asked again, and a new conversation begun.
    again = {"conversation_id": conversation, "regenerate_message_id": done["message_id"]}
    assert told(visitor, "", **again)
    assert told(visitor)


@pytest.mark.parametrize("name", ["visitor_per_minute", "address_per_minute", "messages_per_day"])
def test_limits_are_exact_and_say_when_to_come_back(visitor, name, provider):
    update_widget(visitor.widget, {name: 2}, actor=SYSTEM)
    for _ in range(2):
        told(visitor)
    response, sent = visitor.say()
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    expected = "widget_day" if name == "messages_per_day" else "rate_limited"
    assert json.loads(sent)["code"] == expected
    assert len(provider.requests) == 2


def test_a_new_session_does_not_get_around_the_limit_of_an_address(page):
    update_widget(page.widget, {"address_per_minute": 1, "visitor_per_minute": 1}, actor=SYSTEM)
    page.begin()
    told(page)
    other = Page(page.widget, page.key)
    other.begin()
    assert refused(other) == (429, "rate_limited")


@pytest.mark.parametrize(
    ("first", "same", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
        ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
    ],
)
def test_whoever_has_many_addresses_has_one_limit(page, first, same, other):
    widget = update_widget(page.widget, {"address_per_minute": 1}, actor=SYSTEM)
    limits.count_message(widget, uuid4(), first)
    with pytest.raises(TooManyRequests):
        limits.count_message(widget, uuid4(), same)
    limits.count_message(widget, uuid4(), other)


def test_one_address_does_not_use_up_the_day_of_all(page):
    limited = {"address_per_minute": 600, "messages_per_day": 105}
    widget = update_widget(page.widget, limited, actor=SYSTEM)
    for _ in range(21):
        limits.count_message(widget, uuid4(), "192.0.2.1")
    with pytest.raises(TooManyRequests) as refused_now:
        limits.count_message(widget, uuid4(), "192.0.2.1")
    assert refused_now.value.code == "widget_day"
    limits.count_message(widget, uuid4(), "192.0.2.2")


def test_sessions_themselves_are_limited(page, monkeypatch):
    monkeypatch.setattr(limits, "SESSIONS_PER_ADDRESS", 3)
    for _ in range(3):
        page.begin()
    assert page.ask("session").status_code == 429


def test_a_daily_cap_ends_the_day(visitor, world):
    world.llm.output_price_per_million = Decimal(1_000_000)
    world.llm.save()
    set_daily_cap(visitor.widget, Decimal("0.000001"), actor=acting(world.editor))
    assert refused(visitor) == (402, "budget_exceeded")
    set_daily_cap(visitor.widget, None, actor=acting(world.editor))
    assert told(visitor)


def test_guards_stand_before_visitors_too(visitor, world, provider):
    GuardBinding.objects.create(
        project=world.project, detector="patterns", configuration={"words": ["nougat"]}, name="No"
    )
    _, sent = visitor.say("Do you have nougat?")
    events = events_of(sent)
    assert [name for name, _ in events] == ["start", "blocked", "done"]
    assert events[1][1]["message"]
    assert provider.requests == []
    assert tables_holding("nougat?") == ["guards_guardevent"]


def test_where_nothing_is_kept_the_page_tells_what_was_said(visitor, world, provider):
    update_project(world.project, {"inference_logging": "off"}, actor=SYSTEM)
    history = [{"role": "user", "content": "One"}, {"role": "assistant", "content": "1"}]
    conversation, _, (_, done) = told(visitor, "Unkept words", history=history, page="/there")
    assert (conversation, done["message_id"]) == (None, None)
    said = [one["content"] for one in provider.requests[-1].body["messages"][1:]]
    assert said == ["One", "1", "Unkept words"]
    assert tables_holding("Unkept words") == []
    assert InferenceLog.objects.count() == 0
    assert visitor.ask("config").json()["keeps"] is False


def test_a_model_that_fails_is_told_in_words(visitor, world):
    world.llm.litellm_model = "error-500"
    world.llm.save()
    _, _, (name, data) = told(visitor)
    assert name == "error"
    assert data["code"] == "provider_unavailable"
    assert "sk-" not in data["message"]


def test_feedback_is_of_the_visitors_own_answers_and_the_last_word_counts(visitor):
    _, _, (_, done) = told(visitor)
    body = {"message_id": done["message_id"], "is_helpful": True}
    assert visitor.ask("feedback", body).status_code == 200
    wrong = {**body, "is_helpful": False, "reason": "  Too short "}
    assert visitor.ask("feedback", wrong).status_code == 200
    row = Feedback.objects.get()
    assert (row.is_helpful, row.reason) == (False, "Too short")
    question = Message.objects.get(role="user").pk
    assert visitor.ask("feedback", {**body, "message_id": str(question)}).status_code == 404
    assert visitor.ask("feedback", {"message_id": done["message_id"]}).status_code == 400


def test_configuration_is_in_the_trail_and_visitors_words_are_not(visitor, world):
    update_widget(visitor.widget, {"title": "Ask us"}, actor=acting(world.editor))
    told(visitor, "Very private words")
    actions = set(Entry.objects.values_list("action", flat=True))
    assert {"widget.create", "widget.update", "api_key.create", "conversation.create"} <= actions
    assert "audit_entry" not in tables_holding("Very private words")
    begun = Entry.objects.get(action="conversation.create")
    assert begun.credential == f"widget:{visitor.widget.key_id}"
    # Requests that were served leave no entry each: the log and the ledger have them.
    assert not Entry.objects.filter(action="request.post", status__lt=400).exists()


def test_visitors_are_not_logged_with_what_their_website_calls_them(visitor):
    assert Visitor.objects.get().subject == ""


def test_old_visitors_and_conversations_go_when_their_time_is_over(visitor):
    told(visitor)
    Visitor.objects.update(seen_at=timezone.now() - timedelta(days=400))
    from projects.retention import engine
    from projects.retention.kinds import kind_named

    engine.purge(kind_named("widget_visitors"))
    assert Visitor.objects.count() == 0


def test_looks_are_told_with_readable_colours_and_no_secret(page, world):
    values = {"title": "Ask", "accent": "#ffff00", "starters": ["One?", " ", "Two?"]}
    update_widget(page.widget, values, actor=SYSTEM)
    looks = page.ask("config").json()
    assert (looks["title"], looks["starters"]) == ("Ask", ["One?", "Two?"])
    assert looks["colours"]["light"]["accent"] != "#ffff00"
    text = json.dumps(looks)
    assert page.key not in text
    for name in ("allowed_origins", "identity_secret", "prompt", SITE):
        assert name not in text


def test_pages_that_tell_of_use_know_visitors(visitor, world, as_user):
    told(visitor, page="/shop")
    roll_up()
    browser = as_user(world.team_admin)
    project, team = world.project.pk, world.alpha.pk
    for path in (
        "/",
        f"/projects/{project}",
        f"/projects/{project}/analytics",
        f"/teams/{team}/analytics",
        f"/projects/{project}/log",
        f"/projects/{project}/log/{InferenceLog.objects.get().pk}",
        f"/projects/{project}/widgets/{visitor.widget.pk}",
        f"/api/usage?project={project}",
        f"/api/projects/{project}/log",
    ):
        answer = browser.get(path)
        assert answer.status_code == 200, path
    assert "A visitor" in browser.get(f"/projects/{project}/log").content.decode()
    rows = browser.get(f"/api/projects/{project}/log?page=/shop").json()["results"]
    assert [row["page"] for row in rows] == ["/shop"]
    used = browser.get(f"/api/usage?project={project}").json()["results"]
    assert [row["user"] for row in used] == [None]
