"""A grant that is withdrawn, and a model that is switched off, stop the next call of every kind."""

import pytest

from catalog.services import update_model
from inference.models import Conversation, Message
from metering.models import UsageRecord
from projects.services import create_project, update_project
from restai_site.lib.errors import Invalid
from restai_site.tests.clients import AuditedAPIClient, post_for_stream
from restai_site.tests.world import SYSTEM, acting, make_key
from teams.models import Membership
from teams.services import add_member, remove_member, set_grants

pytestmark = pytest.mark.django_db
HELLO = [{"role": "user", "content": "Hello"}]


def withdraw(world):
    set_grants(world.alpha, {"llms": [], "embedding_models": []}, actor=SYSTEM)


def switch_off(world):
    for model in (world.llm, world.embedding_model):
        update_model(model, {"enabled": False}, actor=SYSTEM)


ENDS = pytest.mark.parametrize("end", [withdraw, switch_off])


@pytest.fixture
def credentials(world):
    """Programs of everybody who may call, whatever their role and key."""
    people = (world.viewer, world.editor, world.team_admin, world.platform_admin)
    keys = [make_key(person)[1] for person in people]
    keys.append(make_key(world.editor, scope="chat")[1])
    keys.append(make_key(world.editor, project_ids=[world.project.pk])[1])
    keys.append(make_key(world.platform_admin, team_id=world.alpha.pk)[1])
    return [AuditedAPIClient().with_key(key) for key in keys]


@ENDS
def test_the_next_call_of_a_project_is_refused_whoever_calls(world, credentials, provider, end):
    body = {"model": f"project/{world.project.pk}", "messages": HELLO}
    for client in credentials:
        assert client.post("/v1/chat/completions", body).status_code == 200
    end(world)
    provider.requests.clear()
    for client in credentials:
        answer = client.post("/v1/chat/completions", body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "model_not_granted")
        chat = client.post(f"/api/projects/{world.project.pk}/chat", {"message": "Hi"})
        assert (chat.status_code, chat.json()["code"]) == (403, "model_not_granted")
    assert provider.requests == []


@ENDS
def test_a_conversation_that_has_begun_is_not_continued(world, api_as, provider, end):
    program, path = api_as(world.viewer), f"/api/projects/{world.project.pk}/chat"
    begun = program.post(path, {"message": "Hello"}).json()
    end(world)
    provider.requests.clear()
    before = Message.objects.count(), UsageRecord.objects.count()
    more = {"message": "More", "conversation_id": begun["conversation_id"]}
    again = {
        "conversation_id": begun["conversation_id"],
        "regenerate_message_id": begun["message_id"],
    }
    for body in (more, again):
        assert program.post(path, body, format="json").status_code == 403
    response, _ = post_for_stream(path, {**more, "stream": True}, key=make_key(world.viewer)[1])
    assert response.status_code == 403
    assert provider.requests == []
    assert (Message.objects.count(), UsageRecord.objects.count()) == before
    # What was said stays readable.
    assert program.get(f"/api/conversations/{begun['conversation_id']}").status_code == 200
    assert Conversation.objects.count() == 1


@ENDS
def test_a_model_is_no_longer_called_by_its_name(world, api_as, provider, end):
    program = api_as(world.member)
    chat = ("/v1/chat/completions", {"model": "alpha-llm", "messages": HELLO})
    embedding = ("/v1/embeddings", {"model": "alpha-embedding", "input": "Hello"})
    for path, body in (chat, embedding):
        assert program.post(path, body).status_code == 200
    end(world)
    provider.requests.clear()
    for path, body in (chat, embedding):
        answer = program.post(path, body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    names = [entry["id"] for entry in program.get("/v1/models").json()["data"]]
    assert names == [f"project/{world.shared_project.pk}"]
    assert provider.requests == []


@ENDS
def test_saving_refuses_what_is_not_granted(world, end):
    end(world)
    actor = acting(world.team_admin)
    with pytest.raises(Invalid):
        create_project(world.alpha, {"name": "New", "llm": world.llm}, actor=actor)
    with pytest.raises(Invalid):
        update_project(world.project, {"llm": world.other_llm}, actor=actor)
    # What has not to do with the model is changed all the same.
    update_project(world.project, {"name": "Renamed"}, actor=actor)


def test_a_grant_to_another_team_is_none_to_this_one(world, api_as, provider):
    """Also for somebody in both teams: the project's own team has to have it."""
    withdraw(world)
    set_grants(world.beta, {"llms": [world.llm]}, actor=SYSTEM)
    add_member(world.beta, world.viewer, actor=SYSTEM)
    body = {"model": f"project/{world.project.pk}", "messages": HELLO}
    assert api_as(world.viewer).post("/v1/chat/completions", body).status_code == 403
    assert provider.requests == []


def test_whoever_leaves_the_team_calls_nothing_of_it_any_more(world, api_as, provider):
    program = api_as(world.viewer)
    membership = Membership.objects.get(user=world.viewer)
    remove_member(membership, actor=acting(world.team_admin))
    for body in (
        {"model": "alpha-llm", "messages": HELLO},
        {"model": f"project/{world.project.pk}", "messages": HELLO},
    ):
        assert program.post("/v1/chat/completions", body).status_code == 404
    embedding = {"model": "alpha-embedding", "input": "Hello"}
    assert program.post("/v1/embeddings", embedding).status_code == 404
    assert program.get("/v1/models").json()["data"] == []
    assert provider.requests == []
