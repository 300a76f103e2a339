"""`/api/…/guards`: the same by programs."""

import pytest

from guards import services
from guards.models import GuardBinding
from guards.tests.test_bindings import WORDS, project_of
from projects.models import Project
from restai_site.tests.world import SYSTEM
from teams.services import set_grants


def path_of(project):
    return f"/api/projects/{project.pk}/guards"


def test_guards_are_bound_listed_changed_and_removed(world, api_as):
    api = api_as(world.editor)
    made = api.post(path_of(world.project), {**WORDS, "mode": "warn"})
    assert made.status_code == 201, made.content
    page = f"{path_of(world.project)}/{made.json()['id']}"
    assert api.get(path_of(world.project)).json()["count"] == 1
    assert api.patch(page, {"mode": "block", "threshold": 0.5}).json()["threshold"] == 0.5
    assert api.get(page).json()["configuration"]["words"] == ["marzipan"]
    assert api.delete(page).status_code == 204
    assert not GuardBinding.objects.exists()


def test_what_is_not_there_and_what_is_foreign_read_alike(world, api_as):
    foreign = project_of(world, world.beta, "Foreign")
    api = api_as(world.editor)
    answers = [api.post(path_of(world.project), {"guard": pk}).json() for pk in (foreign.pk, 10**9)]
    assert answers[0]["errors"] == answers[1]["errors"]


def test_a_binding_of_another_project_is_not_there(world, api_as):
    binding = services.add_binding(world.other_project, WORDS, actor=SYSTEM)
    api = api_as(world.team_admin)
    for project in (world.project, world.other_project):
        assert api.get(f"{path_of(project)}/{binding.pk}").status_code == 404
        assert api.delete(f"{path_of(project)}/{binding.pk}").status_code == 404


def test_fail_open_is_refused_to_editors(world, api_as):
    answer = api_as(world.editor).post(path_of(world.project), {**WORDS, "on_failure": "open"})
    assert answer.status_code == 403


def test_mandatory_guards_and_offers_are_for_platform_administrators(world, api_as):
    judge = project_of(world, world.alpha, "Judge")
    api = api_as(world.platform_admin)
    offered = api.post("/api/guards/offers", {"project": judge.pk})
    assert offered.status_code == 201
    for team in (world.alpha.pk, None):
        made = api.post("/api/guards/mandatory", {"guard": judge.pk, "team": team})
        assert (made.status_code, made.json()["team"]) == (201, team)
    assert api.delete(f"/api/guards/offers/{offered.json()['id']}").status_code == 204
    for path in ("/api/guards/mandatory", "/api/guards/offers"):
        assert api_as(world.team_admin).get(path).status_code == 403


def test_an_offered_guard_can_be_bound_by_those_who_do_not_see_its_project(world, api_as):
    foreign = project_of(world, world.beta, "Foreign")
    services.offer_guard(foreign, actor=SYSTEM)
    answer = api_as(world.editor).post(path_of(world.project), {"guard": foreign.pk})
    assert answer.status_code == 201


def test_a_project_that_guards_is_deleted_only_when_confirmed(world, api_as):
    judge = project_of(world, world.alpha, "Judge")
    services.add_binding(world.project, {"guard": judge}, actor=SYSTEM)
    api = api_as(world.team_admin)
    answer = api.delete(f"/api/projects/{judge.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "confirmation_needed")
    assert "It guards “Private”" in answer.json()["detail"]
    assert api.delete(f"/api/projects/{judge.pk}?confirm=true").status_code == 204
    assert not Project.objects.filter(pk=judge.pk).exists()


def test_a_project_that_guards_is_moved_only_when_confirmed(world, api_as):
    judge = project_of(world, world.alpha, "Judge")
    services.add_binding(world.project, {"guard": judge}, actor=SYSTEM)
    set_grants(world.beta, {"llms": [world.llm, world.other_llm]}, actor=SYSTEM)
    api, path = api_as(world.platform_admin), f"/api/projects/{judge.pk}/move"
    told = api.post(path, {"team": world.beta.pk, "dry_run": True})
    assert told.json()["elsewhere"][0].startswith("It guards “Private”")
    answer = api.post(path, {"team": world.beta.pk})
    assert (answer.status_code, answer.json()["code"]) == (409, "confirmation_needed")
    assert api.post(path, {"team": world.beta.pk, "confirm": True}).status_code == 200
    judge.refresh_from_db()
    assert judge.team_id == world.beta.pk


def test_a_project_that_guards_nothing_is_moved_at_once(world, api_as):
    set_grants(world.beta, {"llms": [world.llm, world.other_llm]}, actor=SYSTEM)
    path = f"/api/projects/{world.project.pk}/move"
    answer = api_as(world.platform_admin).post(path, {"team": world.beta.pk})
    assert (answer.status_code, answer.json()["elsewhere"]) == (200, [])


def test_the_message_and_the_detectors(world, api_as):
    api = api_as(world.editor)
    path = f"/api/projects/{world.project.pk}/guard-settings"
    assert "withheld" in api.get(path).json()["censorship_message"]
    assert api.patch(path, {"censorship_message": "No."}).json() == {"censorship_message": "No."}
    assert api_as(world.viewer).get(path).status_code == 403
    found = {one["slug"]: one for one in api.get("/api/guards/detectors").json()}
    assert found["patterns"]["settings"]["words"] == []
    assert found["classifier"]["finds_spans"] is False


@pytest.mark.parametrize("count", [1, 5])
def test_the_list_costs_the_same_queries(world, api_as, django_assert_max_num_queries, count):
    for number in range(count):
        values = {**WORDS, "configuration": {"words": [f"word{number}"]}}
        services.add_binding(world.project, values, actor=SYSTEM)
    api = api_as(world.editor)
    with django_assert_max_num_queries(7):
        api.get(path_of(world.project))
