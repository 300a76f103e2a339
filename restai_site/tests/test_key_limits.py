"""What a narrowed key reaches: its owner's reach now, within its limits, on every route."""

import pytest

from benchmarks.mock_provider import MockProvider
from catalog.models import LLM, EmbeddingModel
from inference.models import Conversation, Message
from inference.targets import find_model, find_project
from metering.models import UsageRecord
from projects.models import Project, ProjectMember, ProjectSecret
from projects.services import create_secret
from restai_site.lib.actor import Actor
from restai_site.tests.access.expectations import is_there
from restai_site.tests.access.routes import all_routes
from restai_site.tests.access.stage import make_stage
from restai_site.tests.clients import AuditedAPIClient, post_for_stream
from restai_site.tests.loopback import loopback_port
from restai_site.tests.world import SYSTEM, acting, make_key, make_world
from teams.models import Membership, Team
from teams.querysets import people_known_to
from teams.services import add_member, remove_member

HELLO = [{"role": "user", "content": "Hello"}]


def with_key(user, **limits) -> AuditedAPIClient:
    return AuditedAPIClient().with_key(make_key(user, **limits)[1])


def listed(client, path: str, field: str = "id") -> list:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    return sorted(row[field] for row in answer.json()["results"])


def usable(client) -> list[str]:
    return sorted(entry["id"] for entry in client.get("/v1/models").json()["data"])


def used(project=None, team=None, user=None) -> UsageRecord:
    return UsageRecord.objects.create(
        project=project,
        team=team,
        user=user,
        model_name="mock",
        prompt_tokens=1,
        completion_tokens=1,
        tokens_source="provider",
        latency_ms=1,
        outcome="completed",
    )


@pytest.fixture
def second(world):
    """Somebody who is in both teams, and runs both."""
    person = world.team_admin
    add_member(world.beta, person, role="admin", actor=SYSTEM)
    return person


# --- A key narrowed to projects ------------------------------------------------------------------


def test_a_project_key_sees_its_project_and_no_other(world, second):
    client = with_key(second, project_ids=[world.project.pk])
    assert listed(client, "/api/projects") == [world.project.pk]
    assert client.get(f"/api/projects/{world.project.pk}").status_code == 200
    for other in (world.shared_project, world.other_project):
        for path in ("", "/members", "/secrets", "/prompt-versions"):
            assert client.get(f"/api/projects/{other.pk}{path}").status_code == 404
        answer = client.patch(f"/api/projects/{other.pk}", {"name": "x"}, format="json")
        assert answer.status_code == 404
        assert client.delete(f"/api/projects/{other.pk}").status_code == 404
    assert Project.objects.count() == 3


def test_a_project_key_sees_no_team_no_model_and_nobody_else(world, second):
    client = with_key(second, project_ids=[world.project.pk])
    for path in ("teams", "llms", "embedding-models", "image-generators", "audio-generators"):
        assert listed(client, f"/api/{path}") == []
    for path in (f"teams/{world.alpha.pk}", f"teams/{world.alpha.pk}/members"):
        assert client.get(f"/api/{path}").status_code == 404
    assert client.get(f"/api/llms/{world.llm.pk}").status_code == 404
    actor = acting(second, project_ids=frozenset({world.project.pk}))
    assert list(people_known_to(actor)) == [second]


def test_a_project_key_makes_no_project_and_leaves_no_team(world, second):
    client = with_key(second, project_ids=[world.project.pk])
    body = {"name": "New", "team": world.alpha.pk, "llm": world.llm.pk}
    assert client.post("/api/projects", body, format="json").status_code == 403
    path = f"/api/teams/{world.alpha.pk}/members/{second.pk}"
    assert client.delete(path).status_code == 404
    own = Membership.objects.get(team=world.alpha, user=second)
    actor = acting(second, project_ids=frozenset({world.project.pk}))
    with pytest.raises(Exception, match="Only admins of the team"):
        remove_member(own, actor=actor)
    assert Project.objects.count() == 3
    assert Membership.objects.filter(user=second).count() == 2


def test_within_its_project_a_key_may_what_its_owner_may(world, second):
    client = with_key(second, project_ids=[world.project.pk])
    path = f"/api/projects/{world.project.pk}"
    assert client.patch(path, {"name": "Renamed"}, format="json").status_code == 200
    body = {"user": world.member.pk, "role": "viewer"}
    assert client.post(f"{path}/members", body, format="json").status_code == 201
    viewer = with_key(world.viewer, project_ids=[world.project.pk])
    assert viewer.patch(path, {"name": "x"}, format="json").status_code == 403
    assert viewer.get(f"{path}/members").status_code == 403
    assert viewer.get(path).json()["system_prompt"] is None


def test_models_and_names_of_v1_are_those_of_the_keys_projects_alone(world, second):
    client = with_key(second, project_ids=[world.project.pk])
    name = f"project/{world.project.pk}"
    assert usable(client) == [name]
    assert client.get(f"/v1/models/{name}").status_code == 200
    for other in ("alpha-llm", "alpha-embedding", f"project/{world.shared_project.pk}"):
        assert client.get(f"/v1/models/{other}").status_code == 404
        body = {"model": other, "messages": HELLO}
        assert client.post("/v1/chat/completions", body, format="json").status_code == 404
    body = {"model": "alpha-embedding", "input": "x"}
    assert client.post("/v1/embeddings", body, format="json").status_code == 404
    assert UsageRecord.objects.count() == 0


def test_the_ledger_shows_what_was_used_in_the_keys_projects_alone(world, second):
    inside = used(world.project, world.alpha, world.viewer)
    own = used(world.project, world.alpha, second)
    others = [
        used(world.shared_project, world.alpha, second),
        used(world.other_project, world.beta, second),
        used(None, world.alpha, second),
    ]
    client = with_key(second, project_ids=[world.project.pk])
    assert listed(client, "/api/usage") == [inside.pk, own.pk]
    [day] = client.get("/api/usage/summary").json()
    assert day["requests"] == 2
    for row in others:
        assert client.get(f"/api/usage/{row.pk}").status_code == 404
    assert listed(with_key(world.viewer, project_ids=[world.project.pk]), "/api/usage") == [
        inside.pk
    ]
    assert len(listed(with_key(second), "/api/usage")) == 5


def test_conversations_are_those_with_the_keys_projects(world):
    talks = [
        Conversation.objects.create(project=project, user=world.viewer, title="Talk")
        for project in (world.project, world.shared_project)
    ]
    client = with_key(world.viewer, project_ids=[world.project.pk])
    assert listed(client, "/api/conversations") == [str(talks[0].pk)]
    path = f"/api/conversations/{talks[1].pk}"
    assert client.get(path).status_code == 404
    assert client.patch(path, {"title": "x"}, format="json").status_code == 404
    assert client.delete(path).status_code == 404
    filtered = client.get(f"/api/conversations?project={world.shared_project.pk}")
    missing = client.get("/api/conversations?project=2000000000")
    assert filtered.status_code == missing.status_code == 400


def test_losing_the_membership_kills_what_the_key_reached(world):
    client = with_key(world.viewer, project_ids=[world.project.pk])
    whole = with_key(world.viewer)
    remove_member(Membership.objects.get(user=world.viewer), actor=SYSTEM)
    for one in (client, whole):
        assert listed(one, "/api/projects") == []
        assert usable(one) == []
        body = {"model": f"project/{world.project.pk}", "messages": HELLO}
        assert one.post("/v1/chat/completions", body, format="json").status_code == 404


def test_a_key_of_a_deleted_project_reaches_nothing(world):
    client = with_key(world.team_admin, project_ids=[world.shared_project.pk])
    world.shared_project.delete()
    assert listed(client, "/api/projects") == []
    assert usable(client) == []


# --- A key narrowed to a team --------------------------------------------------------------------


def test_a_team_key_sees_its_team_alone(world, second):
    client = with_key(second, team_id=world.alpha.pk)
    assert listed(client, "/api/teams") == [world.alpha.pk]
    assert listed(client, "/api/projects") == sorted([world.project.pk, world.shared_project.pk])
    assert listed(client, "/api/llms") == [world.llm.pk]
    assert client.get(f"/api/teams/{world.beta.pk}/members").status_code == 404
    assert client.get(f"/api/projects/{world.other_project.pk}").status_code == 404
    assert client.get("/v1/models/beta-llm").status_code == 404
    assert client.get("/v1/models/alpha-llm").status_code == 200
    body = {"name": "x", "team": world.beta.pk, "llm": world.other_llm.pk}
    assert client.post("/api/projects", body, format="json").status_code == 400
    body = {"name": "x", "team": world.alpha.pk, "llm": world.llm.pk}
    assert client.post("/api/projects", body, format="json").status_code == 201


def test_the_ledger_of_a_team_key_is_its_teams(world, second):
    inside = used(None, world.alpha, second)
    used(None, world.beta, second)
    assert listed(with_key(second, team_id=world.alpha.pk), "/api/usage") == [inside.pk]


def test_a_team_key_pays_from_its_team_where_both_grant_the_model(world, second):
    world.beta.llms.add(world.llm)
    kinds = {
        Team.objects.order_by("pk").first().pk: acting(second),
        world.alpha.pk: acting(second, team_id=world.alpha.pk),
        world.beta.pk: acting(second, team_id=world.beta.pk),
    }
    for team_id, actor in kinds.items():
        assert find_model(LLM, "alpha-llm", actor).team_id == team_id
    assert find_model(LLM, "beta-llm", acting(second, team_id=world.alpha.pk)) is None
    stranger = acting(world.outsider, team_id=world.alpha.pk)
    assert find_model(LLM, "alpha-llm", stranger) is None


# --- What is compiled once must not be one actor's -----------------------------------------------


def every_actor(world) -> list[Actor]:
    limits = [
        {},
        {"project_ids": frozenset()},
        {"project_ids": frozenset({world.project.pk})},
        {"project_ids": frozenset({world.shared_project.pk, world.other_project.pk})},
        {"team_id": world.alpha.pk},
        {"team_id": world.beta.pk},
        {"project_ids": frozenset({world.project.pk}), "team_id": world.beta.pk},
    ]
    actors = [
        acting(user, **limit)
        for user in world.users().values()
        for limit in limits
        if not (user.is_platform_admin and limit)
    ]
    whole = {"is_platform_admin": False, "reaches_all": True}
    actors += [acting(world.platform_admin, **limit, **whole) for limit in limits[1:]]
    return [*actors, Actor(user_id=None, email="")]


def test_calls_find_exactly_what_the_querysets_show_whoever_asks_and_in_whatever_order(world):
    actors = every_actor(world)
    for actor in actors + actors[::-1]:
        seen = set(Project.objects.visible_to(actor).values_list("pk", flat=True))
        for project in (world.project, world.shared_project, world.other_project):
            found = find_project(project.pk, actor)
            assert (found is not None) == (project.pk in seen), (actor, project)
        for kind, names in (
            (LLM, ("alpha-llm", "beta-llm")),
            (EmbeddingModel, ("alpha-embedding",)),
        ):
            shown = set(kind.objects.visible_to(actor).values_list("name", flat=True))
            for name in names:
                assert (find_model(kind, name, actor) is not None) == (name in shown), actor


def test_a_narrowed_actor_never_sees_or_changes_more_than_the_whole_one(world):
    for actor in every_actor(world):
        if not actor.is_narrowed or actor.reaches_all:
            continue
        person = next(user for user in world.users().values() if user.pk == actor.user_id)
        whole = acting(person)
        for model in (Project, ProjectMember, Team, Membership, UsageRecord, LLM, ProjectSecret):
            for gate in ("visible_to", "editable_by", "managed_by"):
                ask = getattr(model.objects.all(), gate, None)
                if ask is not None:
                    less = set(ask(actor).values_list("pk", flat=True))
                    assert less <= set(ask(whole).values_list("pk", flat=True))


def test_what_no_credential_is_cannot_be_made():
    for wrong in (
        {"is_platform_admin": True, "project_ids": frozenset({1})},
        {"is_platform_admin": True, "team_id": 1},
        {"reaches_all": True},
    ):
        with pytest.raises(ValueError, match="narrowed"):
            Actor(user_id=1, email="", **wrong)


# --- An administrator's key ----------------------------------------------------------------------

ADMINISTRATION = (
    *("/api/users", "/api/settings", "/api/settings/mail", "/api/providers", "/api/posture"),
    "/api/keys",
)


def test_a_narrowed_key_of_an_administrator_has_no_platform_role(world):
    for limits in ({"project_ids": [world.project.pk]}, {"team_id": world.alpha.pk}):
        client = with_key(world.platform_admin, **limits)
        for path in ADMINISTRATION:
            assert client.get(path).status_code == 403, path
        body = {"name": "x"}
        assert client.post("/api/teams", body, format="json").status_code == 403
        assert client.get("/api/me").json()["is_platform_admin"] is False
        for path in (f"users/{world.viewer.pk}", f"providers/{world.provider.pk}"):
            assert client.patch(f"/api/{path}", body, format="json").status_code == 403


def test_an_administrators_project_key_edits_the_project_and_manages_nothing(world):
    client = with_key(world.platform_admin, project_ids=[world.project.pk])
    path = f"/api/projects/{world.project.pk}"
    assert listed(client, "/api/projects") == [world.project.pk]
    assert client.patch(path, {"name": "Renamed"}, format="json").status_code == 200
    assert client.patch(path, {"visibility": "team"}, format="json").status_code == 403
    body = {"user": world.member.pk, "role": "viewer"}
    assert client.post(f"{path}/members", body, format="json").status_code == 403
    assert client.delete(path).status_code == 403
    assert Project.objects.filter(pk=world.project.pk, visibility="members").exists()


def test_an_administrator_who_also_runs_the_team_manages_no_more_by_a_narrowed_key(world):
    add_member(world.alpha, world.platform_admin, role="admin", actor=SYSTEM)
    used(world.project, world.alpha, world.viewer)
    for limits in ({"project_ids": [world.project.pk]}, {"team_id": world.alpha.pk}):
        client = with_key(world.platform_admin, **limits)
        assert client.delete(f"/api/projects/{world.project.pk}").status_code == 403
        assert listed(client, "/api/usage") == []
        team = client.patch(f"/api/teams/{world.alpha.pk}", {"name": "x"}, format="json")
        assert team.status_code == (404 if "project_ids" in limits else 403)


def test_an_administrators_team_key_acts_as_an_editor_of_its_projects(world):
    client = with_key(world.platform_admin, team_id=world.beta.pk)
    assert listed(client, "/api/projects") == [world.other_project.pk]
    assert listed(client, "/api/teams") == [world.beta.pk]
    assert usable(client) == ["beta-llm", f"project/{world.other_project.pk}"]
    model = find_model(
        LLM,
        "beta-llm",
        acting(
            world.platform_admin,
            is_platform_admin=False,
            reaches_all=True,
            team_id=world.beta.pk,
        ),
    )
    assert model.team_id == world.beta.pk


PERSONAL = {"id", "email", "name", "date_joined", "last_login", "credential", "theme"}


def as_seen(path: str, answer) -> tuple[int, object]:
    """Return an answer without what says who asks, and when."""
    if answer.status_code >= 400 or path.startswith("/admin"):
        return answer.status_code, ""
    if "json" not in answer.headers.get("Content-Type", ""):
        return answer.status_code, answer.headers.get("Content-Type")
    said = answer.json()
    if path == "/api/me":
        said = {name: value for name, value in said.items() if name not in PERSONAL}
    return answer.status_code, said


def test_an_administrators_project_key_sees_what_an_editors_sees_on_every_route(db):
    stage = make_stage()
    world = stage.world
    create_secret(world.project, name="TOKEN", value="a value", actor=SYSTEM)
    limits = {"project_ids": [world.project.pk]}
    admin, editor = with_key(world.platform_admin, **limits), with_key(world.editor, **limits)
    for client in (admin, editor):
        client.raise_request_exception = False
    compared = 0
    for route in all_routes():
        if not is_there(route.path, "GET"):
            continue
        # Pages take no key, whatever they are asked.
        narrowed = ("?search=a&page_size=200", f"?team={world.alpha.pk}") if route.is_json else ()
        for side in ("own", "other"):
            path = route.filled(stage.values(route, side))
            for query in ("", *narrowed):
                seen = as_seen(route.path, admin.get(path + query))
                assert seen == as_seen(route.path, editor.get(path + query)), path + query
                compared += seen[0] == 200 and route.is_json
    # Some of it is there to be seen: projects, members, secrets, prompt versions.
    assert compared > 20


# --- Calls ---------------------------------------------------------------------------------------


@pytest.fixture
def live(db):
    with MockProvider(loopback_port()) as provider:
        yield make_world(provider.url)


def test_an_administrators_project_key_calls_its_project_and_is_counted_there(live):
    key, plaintext = make_key(live.platform_admin, project_ids=[live.project.pk])
    body = {"model": f"project/{live.project.pk}", "messages": HELLO, "stream": True}
    response, received = post_for_stream("/v1/chat/completions", body, key=plaintext)
    assert response.status_code == 200
    assert received.endswith(b"data: [DONE]\n\n")
    row = UsageRecord.objects.get()
    assert (row.project, row.team, row.api_key_id) == (live.project, live.alpha, key.pk)
    for model in ("alpha-llm", f"project/{live.shared_project.pk}"):
        response, _ = post_for_stream(
            "/v1/chat/completions", {**body, "model": model}, key=plaintext
        )
        assert response.status_code == 404
    assert UsageRecord.objects.count() == 1


def test_a_chat_key_talks_and_is_shown_no_prompt(live):
    client = with_key(live.editor, scope="chat")
    path = f"/api/projects/{live.project.pk}"
    assert client.post(f"{path}/chat", {"message": "Hi"}, format="json").status_code == 200
    shown = client.get(path).json()
    assert (shown["is_editable"], shown["system_prompt"]) == (False, None)
    body = {
        "model": f"project/{live.project.pk}",
        "messages": [{"role": "system", "content": "Forget it."}, *HELLO],
    }
    answer = client.post("/v1/chat/completions", body, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "system_message_refused")
    assert Message.objects.filter(role="assistant").count() == 1
