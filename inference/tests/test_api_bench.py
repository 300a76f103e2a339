"""The REST API of the test bench."""

import pytest

from guards.models import GuardRun, GuardSet
from inference.tests.bench import CASES, WORDS, detector_run, make_set, many, shipped
from inference.tests.guarding import judge_llm, make_guard
from projects.services import set_prompt
from restai_site.tests.background import run_queued, waiting
from restai_site.tests.world import SYSTEM, make_key

SETS, RUNS = "/api/guards/sets", "/api/guards/runs"


@pytest.fixture(autouse=True)
def _nothing_is_queued(db):
    waiting()


def new_set(world, **values):
    content = "text,label,category\nHello,safe,\nEvil,unsafe,bad\n"
    usual = {"team": world.alpha.pk, "name": "Mine", "form": "csv", "content": content}
    return {**usual, **values}


def new_run(world, chosen, **values):
    usual = {"team": world.alpha.pk, "set": chosen.pk, "detector": "patterns"}
    return {**usual, "configuration": WORDS, **values}


@pytest.mark.parametrize("path", [SETS, RUNS])
def test_the_bench_is_for_those_who_edit_a_project_or_run_a_team(api, api_as, world, path):
    assert api.get(path).status_code == 401
    for name in ("viewer", "member", "outsider"):
        program = api_as(getattr(world, name))
        assert program.get(path).status_code == 403
        assert program.post(path, {}).status_code == 403
    for name in ("editor", "team_admin", "outsider_admin", "platform_admin"):
        assert api_as(getattr(world, name)).get(path).status_code == 200


def test_a_set_is_made_read_changed_and_deleted(world, api_as):
    program = api_as(world.editor)
    made = program.post(SETS, new_set(world))
    assert made.status_code == 201, made.json()
    path = f"{SETS}/{made.json()['id']}"
    assert (made.json()["texts"], made.json()["unsafe"]) == (2, 1)
    cases = program.get(f"{path}/cases").json()
    assert cases["count"] == 2
    evil = {"position": 2, "text": "Evil", "expected": "unsafe", "category": "bad"}
    assert cases["results"][1].items() >= evil.items()
    changed = program.patch(path, {"name": "Ours", "team": world.beta.pk})
    assert (changed.json()["name"], changed.json()["team"]) == ("Ours", world.alpha.pk)
    assert program.delete(path).status_code == 204
    assert program.get(path).status_code == 404


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"content": "text,label\nx,perhaps\n"}, 400),
        ({"content": ""}, 400),
        ({"content": "text,label\n" + "," * 200_000}, 400),
        ({"form": "xml"}, 400),
        ({"name": ""}, 400),
        ({"name": "a\nb"}, 400),
        ({"name": "x" * 101}, 400),
        ({"team": 2_000_000_000}, 400),
        ({"form": "jsonl"}, 400),
    ],
)
def test_what_is_wrong_with_a_set_is_refused(world, api_as, values, status):
    answer = api_as(world.editor).post(SETS, new_set(world, **values))
    assert answer.status_code == status
    assert not GuardSet.objects.filter(team=world.alpha).exists()


def test_a_mistake_in_the_content_names_its_line(world, api_as):
    answer = api_as(world.editor).post(SETS, new_set(world, content="text,label\nx,perhaps\n"))
    assert answer.json()["detail"].startswith("Line 2: the label is")


def test_a_run_is_made_read_renamed_and_deleted(world, api_as):
    program = api_as(world.editor)
    made = program.post(RUNS, new_run(world, make_set(world.alpha), label="Mine"))
    assert made.status_code == 201, made.json()
    assert (made.json()["state"], made.json()["total"]) == ("queued", 5)
    path = f"{RUNS}/{made.json()['id']}"
    run_queued()
    run = program.get(path).json()
    assert (run["state"], run["done"]) == ("completed", 5)
    assert [run[name] for name in ("tp", "fp", "tn", "fn", "errors")] == [1, 1, 2, 1, 0]
    assert run["shares"] == {
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
        "false_alarm_rate": 1 / 3,
    }
    assert run["curve"][0] == {"threshold": 0.0, "recall": 0.5, "false_alarm_rate": 1 / 3}
    assert len(run["curve"]) == 21
    assert "prompt" not in run
    results = program.get(f"{path}/results").json()["results"]
    assert len(results) == 5
    assert {one["case"]["text"] for one in results} == {text for text, _ in CASES}
    assert program.patch(path, {"label": "New", "threshold": 1}).json()["label"] == "New"
    assert GuardRun.objects.get().threshold == 0
    assert program.post(f"{path}/cancel").status_code == 409
    assert program.delete(path).status_code == 204


def test_a_run_is_cancelled(world, api_as):
    run = detector_run(world)
    answer = api_as(world.editor).post(f"{RUNS}/{run.pk}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    run_queued()
    run.refresh_from_db()
    assert run.done == 0


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"detector": ""}, 400),
        ({"guard": 1}, 400),
        ({"detector": "", "guard": 2_000_000_000}, 400),
        ({"detector": "", "configuration": {}, "guard": 10**18}, 404),
        ({"detector": "", "configuration": {}, "guard": 2_000_000_000}, 404),
        ({"detector": "nonsense"}, 404),
        ({"configuration": {"x": 1}}, 400),
        ({"configuration": []}, 400),
        ({"threshold": 1.5}, 400),
        ({"threshold": "0.5"}, 400),
        ({"label": "x" * 101}, 400),
        ({"set": 2_000_000_000}, 400),
        ({"team": 2_000_000_000}, 400),
    ],
)
def test_what_is_wrong_with_a_run_is_refused(world, api_as, values, status):
    answer = api_as(world.editor).post(RUNS, new_run(world, make_set(world.alpha), **values))
    assert answer.status_code == status, answer.json()
    assert not GuardRun.objects.exists()


def test_what_belongs_to_other_teams_is_as_good_as_missing(world, api_as):
    foreign = make_set(world.beta)
    run = GuardRun.objects.create(
        team=world.beta, set=foreign, guard_name="x", label="x", version="x", total=5
    )
    program = api_as(world.editor)
    paths = [f"{SETS}/{foreign.pk}", f"{SETS}/{foreign.pk}/cases"]
    paths += [f"{RUNS}/{run.pk}", f"{RUNS}/{run.pk}/results"]
    assert [program.get(path).status_code for path in paths] == [404] * 4
    assert program.patch(paths[0], {"name": "x"}).status_code == 404
    assert program.delete(paths[0]).status_code == 404
    assert program.patch(paths[2], {"label": "y"}).status_code == 404
    assert program.post(f"{paths[2]}/cancel").status_code == 404
    assert program.delete(paths[2]).status_code == 404
    assert program.post(RUNS, new_run(world, foreign)).status_code == 400
    other = new_run(world, shipped(), detector="", guard=world.other_project.pk)
    del other["configuration"]
    assert program.post(RUNS, other).status_code == 404
    assert program.post(SETS, new_set(world, team=world.beta.pk)).status_code == 400
    listed = program.get(SETS).json()["results"]
    assert {one["team"] for one in listed} == {None}
    assert program.get(RUNS).json()["results"] == []
    assert GuardRun.objects.get().label == "x"


def test_a_member_of_a_team_who_edits_in_another_makes_nothing_there(world, api_as):
    from teams.services import add_member

    add_member(world.beta, world.editor, actor=SYSTEM)
    program = api_as(world.editor)
    assert program.post(SETS, new_set(world, team=world.beta.pk)).status_code == 403
    run = new_run(world, shipped(), team=world.beta.pk)
    assert program.post(RUNS, run).status_code == 403


def test_a_shipped_set_is_read_by_all_and_changed_by_nobody(world, api_as):
    path = f"{SETS}/{shipped().pk}"
    for name in ("editor", "platform_admin"):
        program = api_as(getattr(world, name))
        assert program.get(path).json()["texts"] == 60
        assert program.patch(path, {"name": "x"}).status_code == 403
        assert program.delete(path).status_code == 403


def test_another_version_of_a_prompt_is_for_editors_of_the_guard(world, api_as):
    guard = make_guard(world, llm=judge_llm(world), prompt="First.")
    set_prompt(guard, "Second.", actor=SYSTEM)
    guard.visibility = "team"
    guard.save()
    body = new_run(world, make_set(world.alpha), detector="", guard=guard.pk, prompt_number=1)
    del body["configuration"]
    assert api_as(world.editor).post(RUNS, body).status_code == 403
    made = api_as(world.team_admin).post(RUNS, body)
    assert (made.status_code, made.json()["prompt_number"]) == (201, 1)


def test_a_narrowed_key_works_on_the_bench_of_its_team_alone(world, api):
    run = detector_run(world)
    key = make_key(world.team_admin, project_ids=[world.project.pk])[1]
    assert api.with_key(key).get(f"{RUNS}/{run.pk}").status_code == 200
    elsewhere = make_key(world.platform_admin, project_ids=[world.other_project.pk])[1]
    assert api.with_key(elsewhere).get(f"{RUNS}/{run.pk}").status_code == 404
    chat = make_key(world.team_admin, scope="chat")[1]
    assert api.with_key(chat).get(RUNS).status_code == 403


def test_a_run_of_a_key_ends_with_the_key(world, api):
    key, plaintext = make_key(world.editor)
    made = api.with_key(plaintext).post(RUNS, new_run(world, make_set(world.alpha)))
    assert made.status_code == 201
    key.delete()
    run_queued()
    run = GuardRun.objects.get()
    assert (run.state, run.done) == ("failed", 0)


def test_lists_ask_little_of_the_database(world, api_as, django_assert_max_num_queries):
    run = detector_run(world, make_set(world.alpha, cases=many(60)))
    for number in range(20):
        make_set(world.alpha, f"Set {number}")
    run_queued()
    program = api_as(world.editor)
    paths = [SETS, RUNS, f"{SETS}/{run.set_id}/cases", f"{RUNS}/{run.pk}/results"]
    for path in [*paths, f"{RUNS}/{run.pk}"]:
        with django_assert_max_num_queries(7):
            assert program.get(path).status_code == 200
