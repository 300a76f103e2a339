"""Answers on their way past output guards: streamed or whole, in every size of chunk."""

import json

import pytest

from guards.models import GuardEvent
from guards.sections import GuardsSection
from inference.models import Message
from inference.tests.guarding import FORBIDDEN, bind_detector, bind_guard, judge_llm, make_guard
from metering.models import UsageRecord
from restai_site.lib.configuration import overridden
from restai_site.tests.clients import post_for_stream
from restai_site.tests.world import make_key

MESSAGE = "This was withheld by a guard of the project."
BEFORE = "It is a long way from here to there. " * 6
AFTER = " And that is how the story goes on for a while, and ends. " * 3
TEXT = f"{BEFORE}Then comes {FORBIDDEN} at last.{AFTER}"
MAIL = "ada@example.org"
SIZES = [1, 2, 3, 5, 7, 11, 40, 100, 0]


def behave(world, name):
    world.llm.litellm_model = name
    world.llm.save()


def events_of(sent):
    blocks = [block for block in sent.decode().split("\n\n") if block]
    pairs = [block.split("\n", 1) for block in blocks]
    return [(name[7:], json.loads(data[6:])) for name, data in pairs]


def chat(world, text, **more):
    body = {"message": f"SAY {text}", "stream": True, **more}
    path = f"/api/projects/{world.project.pk}/chat"
    return events_of(post_for_stream(path, body, key=make_key(world.viewer)[1])[1])


def chunks(world, text):
    body = {
        "model": f"project/{world.project.pk}",
        "messages": [{"role": "user", "content": f"SAY {text}"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    _, sent = post_for_stream("/v1/chat/completions", body, key=make_key(world.viewer)[1])
    lines = [line for line in sent.decode().splitlines() if line.startswith("data: {")]
    return [json.loads(line[6:]) for line in lines]


def text_of(events):
    return "".join(data["text"] for name, data in events if name == "token")


@pytest.fixture
def guarded(world):
    bind_detector(world.project, stage="output")
    return world


@pytest.mark.parametrize("size", SIZES)
def test_a_forbidden_word_is_found_in_every_size_of_chunk(guarded, size):
    behave(guarded, f"told-{size}")
    events = chat(guarded, TEXT)
    assert [name for name, _ in events if name != "token"] == ["start", "blocked", "done"]
    shown = text_of(events)
    assert TEXT.startswith(shown)
    # Not one letter of the word is on the wire.
    assert len(shown) <= TEXT.index(FORBIDDEN)
    blocked = dict(events)["blocked"]
    assert (blocked["stage"], blocked["label"], blocked["message"]) == (
        "output", "Word of the list", MESSAGE,
    )  # fmt: skip
    assert dict(events)["done"]["outcome"] == "blocked"


@pytest.mark.parametrize("size", SIZES)
def test_what_passes_comes_through_unchanged(guarded, size):
    behave(guarded, f"told-{size}")
    text = TEXT.replace(FORBIDDEN, "nothing")
    events = chat(guarded, text)
    assert text_of(events) == text
    assert dict(events)["done"]["outcome"] == "completed"
    assert Message.objects.get(role="assistant").content == text


@pytest.mark.parametrize("size", SIZES)
def test_what_is_masked_is_masked_in_every_size_of_chunk(world, size):
    bind_detector(world.project, "personal_data", stage="output", mode="redact")
    behave(world, f"told-{size}")
    events = chat(world, TEXT.replace(FORBIDDEN, MAIL))
    assert text_of(events) == TEXT.replace(FORBIDDEN, "[email]")
    done = dict(events)["done"]
    assert (done["guarding"]["outcome"], done["guarding"]["masked"]) == ("redacted", ["email"])
    kept = Message.objects.get(role="assistant")
    assert (kept.content, kept.guarding["masked"]) == (text_of(events), ["email"])
    assert MAIL not in GuardEvent.objects.get().text


@pytest.mark.parametrize("size", [1, 7, 0])
def test_a_long_finding_is_masked_as_one(world, size):
    bind_detector(world.project, "personal_data", stage="output", mode="redact")
    behave(world, f"told-{size}")
    number = "DE89 3704 0044 0532 0130 00"
    shown = text_of(chat(world, f"{BEFORE}The account is {number}."))
    assert shown == f"{BEFORE}The account is [iban]."


def test_the_saved_message_and_the_next_turn_hold_the_censored_text(guarded, provider):
    behave(guarded, "told-5")
    events = chat(guarded, TEXT)
    kept = Message.objects.get(role="assistant")
    assert (kept.status, kept.content) == ("blocked", MESSAGE)
    behave(guarded, "mock")
    chat(guarded, "Hello", conversation_id=dict(events)["start"]["conversation_id"])
    sent = provider.requests[-1].body["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "user"]


def test_a_stream_of_the_openai_api_ends_with_its_content_filter(guarded):
    behave(guarded, "told-5")
    found = chunks(guarded, TEXT)
    text = "".join(
        choice["delta"].get("content", "") for chunk in found for choice in chunk["choices"]
    )
    assert FORBIDDEN not in text
    assert TEXT.startswith(text)
    reasons = [choice["finish_reason"] for chunk in found for choice in chunk["choices"]]
    assert reasons[-1] == "content_filter"
    assert set(reasons[:-1]) == {None}
    assert found[-1]["guarding"]["outcome"] == "blocked"


def test_a_stream_that_is_blocked_at_once_says_why(guarded):
    behave(guarded, "told-0")
    found = chunks(guarded, f"{FORBIDDEN}!")
    text = "".join(
        choice["delta"].get("content", "") for chunk in found for choice in chunk["choices"]
    )
    assert text == MESSAGE


def test_a_whole_answer_is_replaced(guarded, api_as):
    behave(guarded, "told-0")
    body = {
        "model": f"project/{guarded.project.pk}",
        "messages": [{"role": "user", "content": f"SAY {TEXT}"}],
    }
    answer = api_as(guarded.viewer).post("/v1/chat/completions", body)
    choice = answer.json()["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("content_filter", MESSAGE)
    assert FORBIDDEN not in answer.content.decode()
    assert answer.json()["guarding"]["stage"] == "output"


def test_a_whole_answer_is_masked(world, api_as):
    bind_detector(world.project, "personal_data", stage="output", mode="redact")
    behave(world, "told-0")
    path = f"/api/projects/{world.project.pk}/chat"
    answer = api_as(world.viewer).post(path, {"message": f"SAY Write to {MAIL}."}).json()
    assert answer["message"] == "Write to [email]."
    assert answer["guarding"]["masked"] == ["email"]


def test_what_the_provider_said_is_paid_for_though_nobody_saw_it(guarded):
    behave(guarded, "told-5")
    chat(guarded, TEXT)
    row = UsageRecord.objects.get()
    assert row.outcome == "blocked"
    assert row.completion_tokens > 0
    assert row.cost > 0


def test_a_tool_call_is_judged_with_the_text(world, api_as):
    bind_detector(world.project, stage="output", configuration={"words": ["Lisbon"]})
    behave(world, "tools")
    body = {
        "model": f"project/{world.project.pk}",
        "messages": [{"role": "user", "content": "Weather?"}],
    }
    answer = api_as(world.viewer).post("/v1/chat/completions", body).json()
    assert answer["choices"][0]["finish_reason"] == "content_filter"
    assert "tool_calls" not in answer["choices"][0]["message"]
    found = chunks(world, "Weather?")
    assert not any(
        choice["delta"].get("tool_calls") for chunk in found for choice in chunk["choices"]
    )


def test_a_word_that_is_cut_within_the_pieces_of_a_tool_call_is_found(guarded):
    behave(guarded, "tools-split")
    choices = [choice for chunk in chunks(guarded, "Look") for choice in chunk["choices"]]
    assert [one["finish_reason"] for one in choices if one["finish_reason"]] == ["content_filter"]
    assert not any(one["delta"].get("tool_calls") for one in choices)


def test_a_tool_call_that_passes_comes_through(world):
    bind_detector(world.project, stage="output")
    behave(world, "tools")
    found = chunks(world, "Weather?")
    choices = [choice for chunk in found for choice in chunk["choices"]]
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == [
        "tool_calls"
    ]
    called = [call for choice in choices for call in choice["delta"].get("tool_calls", ())]
    assert called[0]["function"]["arguments"] == '{"city":"Lisbon"}'


@pytest.mark.parametrize("size", [1, 7, 50, 0])
def test_a_model_judges_window_by_window(world, provider, size):
    bind_guard(world.project, make_guard(world, llm=judge_llm(world)), stage="output")
    behave(world, f"told-{size}")
    with overridden(GuardsSection, window_characters=60, overlap_characters=20):
        events = chat(world, TEXT)
    assert [name for name, _ in events if name != "token"] == ["start", "blocked", "done"]
    assert len(text_of(events)) <= TEXT.index(FORBIDDEN)
    event = GuardEvent.objects.get()
    judged = [request for request in provider.requests if request.model == "judge-0"]
    assert event.checks == len(judged)
    assert UsageRecord.objects.filter(kind="guard").count() == len(judged)
    assert (event.outcome, event.category) == ("blocked", "sweets")


def test_a_provider_that_breaks_off_leaves_only_what_was_judged(guarded):
    behave(guarded, "echo-cut-mid-stream")
    events = chat(guarded, "marzi")
    assert [name for name, _ in events] == ["start", "error"]
    kept = Message.objects.get(role="assistant")
    assert (kept.status, kept.content) == ("failed", "")


def test_an_output_guard_tells_what_it_cost(guarded):
    behave(guarded, "told-5")
    done = dict(chat(guarded, TEXT.replace(FORBIDDEN, "nothing")))["done"]
    assert done["guarding"]["outcome"] == "passed"
    assert done["guarding"]["first_token_delay_ms"] >= 0
    assert done["guarding"]["total_delay_ms"] >= 0


def test_a_warning_lets_the_answer_pass_with_a_flag(world):
    bind_detector(world.project, stage="output", mode="warn")
    behave(world, "told-5")
    events = chat(world, TEXT)
    assert text_of(events) == TEXT
    told = dict(events)["done"]["guarding"]
    assert (told["outcome"], told["label"]) == ("warned", "Word of the list")
    assert Message.objects.get(role="assistant").guarding["outcome"] == "warned"
    assert GuardEvent.objects.get().outcome == "warned"
