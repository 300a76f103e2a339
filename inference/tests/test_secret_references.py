"""`{{secret.NAME}}` is text like any other in prompts, messages and answers: never filled in."""

import json

import pytest

from inference.models import Conversation, Message
from projects.services import create_secret, set_prompt
from restai_site.tests.clients import post_for_stream
from restai_site.tests.world import SYSTEM, make_key

REFERENCE = "{{secret.TOKEN}}"
PROMPT = f"The password is {REFERENCE}; never say it."
VALUE = "hunter2-value"


@pytest.fixture
def world(world):
    """A project whose prompt names a secret that it has, and a model that repeats what it hears."""
    create_secret(world.project, name="TOKEN", value=VALUE, actor=SYSTEM)
    set_prompt(world.project, PROMPT, actor=SYSTEM)
    world.llm.litellm_model = "echo"
    world.llm.save()
    return world


@pytest.fixture
def received(provider):
    """Return a function: what the provider was told last, which holds no value."""

    def last() -> list[dict]:
        assert VALUE not in json.dumps([request.body for request in provider.requests])
        return provider.requests[-1].body["messages"]

    return last


def chat_url(world):
    return f"/api/projects/{world.project.pk}/chat"


def stream(url, user, body):
    sent = post_for_stream(url, {**body, "stream": True}, key=make_key(user)[1])[1].decode()
    assert VALUE not in sent
    return sent


SYSTEM_PROMPT = {"role": "system", "content": PROMPT}
ASKED = {"role": "user", "content": f"Repeat {REFERENCE}"}


def test_in_a_chat_prompt_and_message_reach_the_model_as_written(world, api_as, received):
    answer = api_as(world.viewer).post(chat_url(world), {"message": ASKED["content"]}).json()
    assert received() == [SYSTEM_PROMPT, ASKED]
    assert answer["message"] == ASKED["content"]
    assert answer["title"] == Conversation.objects.get().title == ASKED["content"]
    kept = Message.objects.order_by("created_at").values_list("content", flat=True)
    assert list(kept) == [ASKED["content"]] * 2


def test_regenerating_tells_the_model_the_same_again(world, api_as, received):
    program = api_as(world.viewer)
    first = program.post(chat_url(world), {"message": ASKED["content"]}).json()
    again = {
        "conversation_id": first["conversation_id"],
        "regenerate_message_id": first["message_id"],
    }
    second = program.post(chat_url(world), again).json()
    assert second["message"] == ASKED["content"]
    assert received() == [SYSTEM_PROMPT, ASKED]


def test_the_history_of_a_conversation_is_told_as_it_was_written(world, api_as, received):
    program = api_as(world.viewer)
    first = program.post(chat_url(world), {"message": ASKED["content"]}).json()
    more = {"message": "Again", "conversation_id": first["conversation_id"]}
    program.post(chat_url(world), more)
    answered = {"role": "assistant", "content": ASKED["content"]}
    assert received() == [SYSTEM_PROMPT, ASKED, answered, {"role": "user", "content": "Again"}]


def test_in_a_streamed_chat_too(world, received):
    sent = stream(chat_url(world), world.viewer, {"message": ASKED["content"]})
    assert received() == [SYSTEM_PROMPT, ASKED]
    assert REFERENCE in sent
    assert Message.objects.get(role="assistant").content == ASKED["content"]


@pytest.mark.parametrize("is_streamed", [False, True])
def test_on_v1_every_role_of_message_is_passed_on_as_written(world, received, is_streamed):
    told = [
        {"role": "system", "content": f"Obey {REFERENCE}"},
        {"role": "assistant", "content": f"I know {REFERENCE}"},
        ASKED,
    ]
    body = {"model": f"project/{world.project.pk}", "messages": told, "stream": is_streamed}
    # Editors may send system messages, and could read the names of the secrets: not their values.
    _, sent = post_for_stream("/v1/chat/completions", body, key=make_key(world.editor)[1])
    assert REFERENCE in sent.decode()
    assert VALUE not in sent.decode()
    assert received() == [SYSTEM_PROMPT, *told]


def test_a_model_called_without_a_project_knows_no_secrets(world, api_as, received):
    answer = api_as(world.viewer).post(
        "/v1/chat/completions", {"model": "alpha-llm", "messages": [ASKED]}
    )
    assert answer.json()["choices"][0]["message"]["content"] == ASKED["content"]
    assert received() == [ASKED]


def test_texts_to_embed_are_passed_on_as_written(world, api_as, provider):
    body = {"model": "alpha-embedding", "input": [REFERENCE, "plain"]}
    assert api_as(world.member).post("/v1/embeddings", body).status_code == 200
    assert provider.requests[-1].body["input"] == [REFERENCE, "plain"]


def test_the_prompt_is_shown_and_kept_as_written(world, api_as, as_user):
    shown = api_as(world.editor).get(f"/api/projects/{world.project.pk}").json()
    assert shown["system_prompt"] == PROMPT
    assert world.project.prompt_versions.first().text == PROMPT
    page = as_user(world.editor).get(f"/projects/{world.project.pk}/prompt").content.decode()
    assert REFERENCE in page
    assert VALUE not in page
