"""/api/projects, with prompt versions and members."""

import pytest

from audit.models import Entry
from metering.models import UsageRecord
from projects.models import Project, ProjectMember, PromptVersion


def send(browser, method, path, body):
    return getattr(browser, method)(path, body, content_type="application/json")


def path_of(project, rest="") -> str:
    return f"/api/projects/{project.pk}{rest}"


def test_people_list_the_projects_they_can_use(world, as_user):
    def seen(user):
        return [row["name"] for row in as_user(user).get("/api/projects").json()["results"]]

    assert seen(world.viewer) == ["Private", "Shared"]
    assert seen(world.member) == ["Shared"]
    assert seen(world.outsider_admin) == ["Other"]
    assert seen(world.platform_admin) == ["Other", "Private", "Shared"]


def test_the_prompt_is_shown_to_those_who_may_edit_it(world, as_user):
    for user, is_editable, prompt in (
        (world.viewer, False, None),
        (world.editor, True, "You are Alpha."),
        (world.team_admin, True, "You are Alpha."),
    ):
        shown = as_user(user).get(path_of(world.project)).json()
        assert (shown["is_editable"], shown["system_prompt"]) == (is_editable, prompt)


def test_a_team_admin_makes_a_project_with_its_first_version(world, as_user):
    body = {
        "team": world.alpha.pk,
        "name": "New",
        "llm": world.llm.pk,
        "system_prompt": " Keep the space. ",
        "temperature": 0.5,
    }
    answer = send(as_user(world.team_admin), "post", "/api/projects", body)
    assert answer.status_code == 201
    made = Project.objects.get(name="New")
    assert (made.created_by, made.system_prompt) == (world.team_admin, " Keep the space. ")
    assert made.prompt_versions.get().number == 1


def test_a_project_of_another_team_or_with_its_model_is_not_made(world, as_user):
    body = {"team": world.alpha.pk, "name": "New", "llm": world.llm.pk}
    browser = as_user(world.team_admin)
    for field, row in (("team", world.beta), ("llm", world.other_llm)):
        answer = send(browser, "post", "/api/projects", {**body, field: row.pk})
        missing = send(browser, "post", "/api/projects", {**body, field: 10**9})
        assert answer.status_code == missing.status_code == 400
        assert answer.json()["errors"] == missing.json()["errors"]
    assert not Project.objects.filter(name="New").exists()


def test_a_model_that_is_not_granted_is_refused_to_administrators_too(world, as_user):
    answer = send(
        as_user(world.platform_admin), "patch", path_of(world.project), {"llm": world.other_llm.pk}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "model_not_granted")
    world.project.refresh_from_db()
    assert world.project.llm == world.llm


def test_a_taken_name_is_a_conflict_on_create_and_on_rename(world, as_user):
    browser = as_user(world.team_admin)
    body = {"team": world.alpha.pk, "name": "Shared", "llm": world.llm.pk}
    assert send(browser, "post", "/api/projects", body).status_code == 409
    assert send(browser, "patch", path_of(world.project), {"name": "Shared"}).status_code == 409
    assert Project.objects.filter(name="Shared").count() == 1


def test_a_project_stays_in_its_team_whatever_the_body_says(world, as_user):
    body = {"team": world.beta.pk, "created_by": world.outsider.pk, "id": 1, "name": "Renamed"}
    answer = send(as_user(world.team_admin), "patch", path_of(world.project), body)
    assert answer.status_code == 200
    world.project.refresh_from_db()
    assert (world.project.team, world.project.name) == (world.alpha, "Renamed")


def test_an_editor_changes_the_project_but_neither_who_sees_it_nor_its_end(world, as_user):
    browser, path = as_user(world.editor), path_of(world.project)
    assert send(browser, "patch", path, {"temperature": 1}).status_code == 200
    assert send(browser, "patch", path, {"visibility": "team"}).status_code == 403
    assert browser.delete(path).status_code == 403
    world.project.refresh_from_db()
    assert (world.project.temperature, world.project.visibility) == (1, "members")


def test_several_changes_are_made_together_or_not_at_all(world, as_user):
    body = {"system_prompt": "Changed", "visibility": "team"}
    answer = send(as_user(world.editor), "patch", path_of(world.project), body)
    assert answer.status_code == 403
    world.project.refresh_from_db()
    assert world.project.system_prompt == "You are Alpha."
    assert world.project.prompt_versions.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 2.1),
        ("temperature", "nan"),
        ("temperature", "1"),
        ("temperature", True),
        ("top_p", -0.1),
        ("max_tokens", 0),
        ("max_tokens", 2**70),
        ("visibility", "public"),
        ("name", ""),
        ("system_prompt", "x" * 100_001),
        ("llm", "1.5"),
        ("llm", 1.0),
    ],
)
def test_a_wrong_value_names_its_field_and_changes_nothing(world, as_user, field, value):
    before = Project.objects.filter(pk=world.project.pk).values().get()
    answer = send(as_user(world.editor), "patch", path_of(world.project), {field: value})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert Project.objects.filter(pk=world.project.pk).values().get() == before


def test_the_ledger_outlives_the_project(world, as_user):
    UsageRecord.objects.create(
        project=world.project,
        team=world.alpha,
        user=world.viewer,
        model_name="m",
        prompt_tokens=1,
        completion_tokens=1,
        latency_ms=1,
        outcome="completed",
        tokens_source="provider",
    )
    browser = as_user(world.team_admin)
    assert browser.delete(path_of(world.project)).status_code == 204
    row = browser.get("/api/usage").json()["results"][0]
    assert (row["project"], row["model_name"]) == (world.project.pk, "m")


def test_a_prompt_is_set_compared_and_restored(world, as_user):
    browser, path = as_user(world.editor), path_of(world.project, "/prompt-versions")
    made = send(browser, "post", path, {"text": "Second", "note": "Better"})
    assert (made.status_code, made.json()["number"], made.json()["author"]) == (
        201,
        2,
        world.editor.pk,
    )
    assert send(browser, "post", path, {"text": "Second"}).status_code == 204
    restored = browser.post(f"{path}/1/restore")
    assert (restored.status_code, restored.json()["number"], restored.json()["text"]) == (
        201,
        3,
        "You are Alpha.",
    )
    numbers = [version["number"] for version in browser.get(path).json()["results"]]
    assert numbers == [3, 2, 1]


def test_a_viewer_neither_reads_nor_sets_prompts(world, as_user):
    browser, path = as_user(world.viewer), path_of(world.project, "/prompt-versions")
    answers = [
        browser.get(path),
        browser.get(f"{path}/1"),
        send(browser, "post", path, {"text": "Mine"}),
        browser.post(f"{path}/1/restore"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert PromptVersion.objects.filter(project=world.project).count() == 1


def test_a_version_of_another_project_is_not_reached_through_ones_own(world, as_user):
    version = PromptVersion.objects.create(project=world.other_project, number=2, text="Beta's")
    path = path_of(world.project, f"/prompt-versions/{version.number}")
    assert as_user(world.editor).get(path).status_code == 404
    assert as_user(world.editor).post(f"{path}/restore").status_code == 404


def test_members_of_the_team_are_assigned_by_its_admins(world, as_user):
    path = path_of(world.project, "/members")
    body = {"user": world.member.pk, "role": "editor"}
    assert send(as_user(world.editor), "post", path, body).status_code == 403
    browser = as_user(world.team_admin)
    assert send(browser, "post", path, body).status_code == 201
    assert send(browser, "post", path, body).status_code == 409
    assert (
        send(browser, "patch", f"{path}/{world.member.pk}", {"role": "viewer"}).status_code == 200
    )
    assert browser.delete(f"{path}/{world.member.pk}").status_code == 204
    assert not ProjectMember.objects.filter(project=world.project, user=world.member).exists()
    actions = Entry.objects.filter(target_id=str(world.project.pk)).order_by("-id")[:3]
    assert [entry.action for entry in actions] == [
        "project.member_remove",
        "project.member_role",
        "project.member_add",
    ]


def test_somebody_outside_the_team_is_as_good_as_missing(world, as_user):
    path = path_of(world.project, "/members")
    answers = [
        send(as_user(world.team_admin), "post", path, {"user": pk})
        for pk in (world.outsider.pk, 10**9, 2**70)
    ]
    assert [answer.status_code for answer in answers] == [400] * 3
    assert answers[0].json()["errors"] == answers[1].json()["errors"]


def test_an_assignment_of_another_project_is_not_reached_through_ones_own(world, as_user):
    ProjectMember.objects.create(project=world.other_project, user=world.outsider)
    path = path_of(world.project, f"/members/{world.outsider.pk}")
    assert as_user(world.team_admin).delete(path).status_code == 404
    assert ProjectMember.objects.filter(user=world.outsider).exists()
