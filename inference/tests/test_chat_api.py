"""`POST /api/projects/{id}/chat`: conversations that are kept, and nobody else's business."""

import json
from uuid import uuid4

import pytest

from audit.models import Entry
from inference.models import Conversation, Message
from metering.models import UsageRecord
from projects.models import Project
from restai_site.tests.clients import AuditedClient, post_for_stream
from restai_site.tests.world import make_key


def chat_url(project):
    return f"/api/projects/{project.pk}/chat"


def streamed(user, project):
    body = {"message": "Hi", "stream": True}
    _, sent = post_for_stream(chat_url(project), body, key=make_key(user)[1])
    blocks = sent.decode().strip().split("\n\n")
    pairs = [block.split("\n", 1) for block in blocks]
    return [
        (name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for name, data in pairs
    ]


@pytest.fixture
def talk(world, api_as):
    program = api_as(world.viewer)

    def say(message, **more):
        return program.post(chat_url(world.project), {"message": message, **more})

    return say


def test_an_answer_is_kept_with_its_usage(world, talk):
    answer = talk("Hello").json()
    message = Message.objects.get(pk=answer["message_id"])
    assert (message.role, message.content, message.status) == (
        "assistant", answer["message"], "complete",
    )  # fmt: skip
    assert message.parent_id == Message.objects.get(role="user").pk
    assert message.usage == UsageRecord.objects.get(project=world.project)
    assert answer["usage"]["completion_tokens"] == message.usage.completion_tokens
    assert answer["title"] == "Hello"


def test_what_an_administrator_says_in_somebodys_name_is_in_the_trail(world):
    browser = AuditedClient()
    browser.force_login(world.viewer, impersonator=world.platform_admin)
    first = browser.post(chat_url(world.project), {"message": "Hi"}, "application/json").json()
    more = {"message": "More", "conversation_id": first["conversation_id"]}
    assert browser.post(chat_url(world.project), more, "application/json").status_code == 200
    entries = Entry.objects.filter(action="request.post", target_id="project-chat")
    told = {"actor_id": world.viewer.pk, "impersonator_id": world.platform_admin.pk, "status": 200}
    assert list(entries.values(*told)) == [told, told]


def test_the_model_is_told_the_prompt_and_what_was_said_before(talk, provider):
    first = talk("One").json()
    talk("Two", conversation_id=first["conversation_id"])
    assert [message["role"] for message in provider.requests[-1].body["messages"]] == [
        "system", "user", "assistant", "user",
    ]  # fmt: skip
    assert provider.requests[-1].body["messages"][-1]["content"] == "Two"


def test_regenerating_asks_again_and_keeps_both_answers(talk, provider, world, api_as):
    first = talk("One").json()
    again = {
        "conversation_id": first["conversation_id"],
        "regenerate_message_id": first["message_id"],
    }
    second = api_as(world.viewer).post(chat_url(world.project), again).json()
    assert second["user_message_id"] == first["user_message_id"]
    assert second["message_id"] != first["message_id"]
    assert Message.objects.filter(role="user").count() == 1
    assert provider.requests[-1].body["messages"][-1] == {"role": "user", "content": "One"}


def test_a_stream_starts_with_ids_and_ends_with_the_usage(world):
    names_and_data = streamed(world.viewer, world.project)
    assert names_and_data[0][0] == "start"
    assert names_and_data[-1][0] == "done"
    text = "".join(data["text"] for name, data in names_and_data if name == "token")
    message = Message.objects.get(role="assistant")
    assert message.content == text
    assert (
        names_and_data[-1][1]["message_id"] == names_and_data[0][1]["message_id"] == str(message.pk)
    )


def test_a_stream_that_fails_says_so_in_words_and_keeps_what_came(world):
    world.llm.litellm_model = "cut-mid-stream"
    world.llm.save()
    names_and_data = streamed(world.viewer, world.project)
    assert names_and_data[-1][0] == "error"
    assert names_and_data[-1][1]["message"].endswith(".")
    message = Message.objects.get(role="assistant")
    assert message.status == "failed"
    assert message.content


def test_a_failed_answer_is_not_told_to_the_model_again(world, talk, provider):
    world.llm.litellm_model = "error-500"
    world.llm.save()
    refused = talk("One")
    assert refused.status_code == 502
    world.llm.litellm_model = "mock"
    world.llm.save()
    talk("Two", conversation_id=str(Conversation.objects.get().pk))
    roles = [message["role"] for message in provider.requests[-1].body["messages"]]
    assert "assistant" not in roles


@pytest.mark.parametrize("who", ["team_admin", "platform_admin", "editor"])
def test_nobody_else_continues_reads_or_changes_a_conversation(world, talk, api_as, who, provider):
    """Attack case 3: not even people of the same team, not even administrators."""
    mine = talk("Secret").json()["conversation_id"]
    provider.requests.clear()
    program = api_as(getattr(world, who))
    body = {"message": "And then?", "conversation_id": mine}
    assert program.post(chat_url(world.project), body).status_code == 404
    url = f"/api/conversations/{mine}"
    assert [program.get(url).status_code, program.delete(url).status_code] == [404, 404]
    assert program.patch(url, {"title": "Mine"}).status_code == 404
    assert program.get("/api/conversations").json()["count"] == 0
    assert provider.requests == []
    assert Conversation.objects.get().title == "Secret"


def test_a_conversation_of_another_project_is_not_found(world, talk, api_as, provider):
    mine = talk("Hello").json()["conversation_id"]
    body = {"message": "Hi", "conversation_id": mine}
    assert api_as(world.viewer).post(chat_url(world.shared_project), body).status_code == 404


@pytest.mark.parametrize("who", ["member", "outsider", "outsider_admin"])
def test_a_project_that_is_not_visible_is_not_found(world, api_as, who, provider):
    response = api_as(getattr(world, who)).post(chat_url(world.project), {"message": "Hi"})
    assert response.status_code == 404
    assert provider.requests == []
    assert not Conversation.objects.exists()


def test_losing_access_ends_the_conversation(world, talk, provider):
    mine = talk("Hello").json()["conversation_id"]
    world.project.members.all().delete()
    assert talk("More", conversation_id=mine).status_code == 404


def test_rename_pin_and_delete_leave_entries_without_peoples_words(world, talk, api_as):
    mine = talk("My secret diagnosis").json()["conversation_id"]
    program = api_as(world.viewer)
    changed = program.patch(f"/api/conversations/{mine}", {"title": "Other", "pinned": True})
    assert changed.json()["title"] == "Other"
    assert program.delete(f"/api/conversations/{mine}").status_code == 204
    assert not Message.objects.exists()
    entries = Entry.objects.filter(target_type="inference.conversation").order_by("id")
    assert list(entries.values_list("action", flat=True)) == [
        "conversation.create",
        "conversation.update",
        "conversation.delete",
    ]
    assert "diagnosis" not in str(list(Entry.objects.values()))


def test_conversations_are_found_by_project_and_words(world, talk, api_as):
    talk("About whales")
    talk("About ships")
    program = api_as(world.viewer)
    found = program.get("/api/conversations", {"search": "whale", "project": world.project.pk})
    assert [row["title"] for row in found.json()["results"]] == ["About whales"]
    foreign = program.get("/api/conversations", {"project": world.other_project.pk})
    assert foreign.status_code == 400


def test_a_cookie_without_a_csrf_token_writes_nothing(world):
    browser = AuditedClient(enforce_csrf_checks=True)
    browser.force_login(world.viewer)
    body = json.dumps({"message": "Hi"})
    response = browser.post(chat_url(world.project), body, content_type="application/json")
    assert response.status_code == 403
    assert not Conversation.objects.exists()


def test_a_long_history_is_cut_to_the_context_window(world, talk, provider):
    world.llm.context_window = 300
    world.llm.save()
    mine = talk("a" * 300).json()["conversation_id"]
    for _ in range(3):
        talk("b" * 300, conversation_id=mine)
    sent = provider.requests[-1].body["messages"]
    assert sent[0]["role"] == "system"
    assert sent[1]["role"] == "user"
    assert sent[-1]["content"] == "b" * 300
    assert sum(len(message["content"]) for message in sent) < 900


def test_an_unknown_conversation_is_not_found(world, talk, provider):
    assert talk("Hi", conversation_id=str(uuid4())).status_code == 404
    assert provider.requests == []


def test_list_queries_do_not_grow_with_rows(world, talk, api_as, django_assert_num_queries):
    program = api_as(world.viewer)
    program.get("/api/conversations")
    for _ in range(2):
        talk("Hello")
        with django_assert_num_queries(3):  # key, count, page
            program.get("/api/conversations")


def test_a_project_keeps_its_ledger_when_it_is_deleted(world, talk):
    talk("Hello")
    number = world.project.pk
    Project.objects.filter(pk=number).delete()
    assert UsageRecord.objects.get().project_id == number
