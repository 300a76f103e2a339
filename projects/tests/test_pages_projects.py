"""Pages of projects: four doors for each, and denied means that nothing has changed."""

import pytest

from metering.models import UsageRecord
from projects.models import Project, ProjectMember, PromptVersion
from projects.services import create_project, set_prompt
from restai_site.tests.world import SYSTEM

FOR_VIEWERS = ["", "/api", "/chat"]
FOR_EDITORS = ["/prompt", "/access", "/settings"]


def path_of(world, page=""):
    return f"/projects/{world.project.pk}{page}"


@pytest.mark.parametrize("page", FOR_VIEWERS + FOR_EDITORS)
def test_who_is_not_signed_in_is_sent_to_the_log_in(client, world, page):
    assert client.get(path_of(world, page)).url == f"/login?next={path_of(world, page)}"


@pytest.mark.parametrize("page", FOR_VIEWERS + FOR_EDITORS)
def test_outsiders_and_members_who_were_not_added_see_no_project(as_user, world, page):
    for user in (world.outsider, world.outsider_admin, world.member):
        assert as_user(user).get(path_of(world, page)).status_code == 404


@pytest.mark.parametrize("page", FOR_VIEWERS)
def test_viewers_see_what_is_theirs(as_user, world, page):
    for user in (world.viewer, world.editor, world.team_admin, world.platform_admin):
        assert as_user(user).get(path_of(world, page)).status_code == 200


@pytest.mark.parametrize("page", FOR_EDITORS)
def test_editors_pages_are_closed_to_viewers(as_user, world, page):
    assert as_user(world.viewer).get(path_of(world, page)).status_code == 403
    for user in (world.editor, world.team_admin, world.platform_admin):
        assert as_user(user).get(path_of(world, page)).status_code == 200


def test_tabs_are_those_one_may_open(as_user, world):
    page = as_user(world.viewer).get(path_of(world)).content.decode()
    assert path_of(world, "/settings") not in page
    assert path_of(world, "/settings") in as_user(world.editor).get(path_of(world)).content.decode()


def everything():
    models = (Project, ProjectMember, PromptVersion)
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.mark.parametrize(
    ("role", "status"), [("viewer", 403), ("member", 404), ("outsider_admin", 404)]
)
def test_the_denied_change_nothing(as_user, world, role, status):
    browser = as_user(getattr(world, role))
    member = ProjectMember.objects.get(user=world.editor)
    before = everything()
    sent = {
        "name": "x",
        "text": "x",
        "visibility": "team",
        "role": "editor",
        "confirmation": "Private",
    }
    for page in (
        "/prompt",
        "/prompt/1/restore",
        "/access",
        "/access/visibility",
        f"/access/{member.pk}/role",
        f"/access/{member.pk}/remove",
        "/settings",
        "/delete",
    ):
        assert browser.post(path_of(world, page), sent).status_code == status, page
    assert everything() == before


def test_editors_do_not_decide_who_has_access(as_user, world):
    browser = as_user(world.editor)
    member = ProjectMember.objects.get(user=world.viewer)
    before = everything()
    sent = {"user": world.member.pk, "role": "editor", "visibility": "team"}
    for page in ("/access", "/access/visibility", f"/access/{member.pk}/role", "/delete"):
        assert browser.post(path_of(world, page), sent).status_code == 403, page
    assert everything() == before


def test_the_list_shows_what_one_may_use(as_user, world):
    page = as_user(world.member).get("/projects").content.decode()
    assert "Shared" in page
    assert "Private" not in page
    assert "Other" not in page
    page = as_user(world.team_admin).get(f"/projects?team={world.beta.pk}").content.decode()
    assert "Other" not in page


def test_a_project_is_created_by_admins_of_its_team(as_user, world):
    sent = {
        "team": world.alpha.pk,
        "name": "New",
        "llm": world.llm.pk,
        "system_prompt": "One\r\nTwo",
        "visibility": "members",
    }
    for user in (world.member, world.editor, world.outsider_admin):
        assert as_user(user).post("/projects/new", sent).status_code == 403
    assert not Project.objects.filter(name="New").exists()
    assert as_user(world.team_admin).post("/projects/new", sent).status_code == 302
    assert Project.objects.get(name="New").system_prompt == "One\nTwo"


def test_a_model_of_another_team_is_no_choice(as_user, world):
    sent = {
        "team": world.alpha.pk,
        "name": "New",
        "llm": world.other_llm.pk,
        "visibility": "members",
    }
    answer = as_user(world.team_admin).post("/projects/new", sent)
    assert answer.status_code == 400
    assert "llm" in answer.context["form"].errors
    answer = as_user(world.editor).post(path_of(world, "/settings"), {**sent, "name": "Private"})
    assert answer.status_code == 400
    world.project.refresh_from_db()
    assert world.project.llm_id == world.llm.pk


def test_a_name_that_is_taken_is_refused_beside_the_field(as_user, world):
    sent = {"name": "Shared", "llm": world.llm.pk, "inference_logging": "full"}
    answer = as_user(world.editor).post(path_of(world, "/settings"), sent)
    assert answer.status_code == 400
    assert "already has a project with this name" in answer.content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", "3"),
        ("temperature", "NaN"),
        ("top_p", "-1"),
        ("max_tokens", "0"),
        ("max_tokens", "1e9"),
        ("name", "nul\0"),
        ("name", ""),
        ("description", "x" * 501),
        ("inference_logging", ""),
        ("inference_logging", "numbers"),
    ],
)
def test_settings_out_of_range_are_refused_beside_the_field(as_user, world, field, value):
    sent = {"name": "Private", "llm": world.llm.pk, "inference_logging": "full", field: value}
    answer = as_user(world.editor).post(path_of(world, "/settings"), sent)
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == [field]


def test_a_prompt_is_versioned_compared_and_restored(as_user, world):
    browser = as_user(world.editor)
    path = path_of(world, "/prompt")
    browser.post(path, {"text": "You are Alpha.\nBe brief.", "note": "Shorter"})
    assert world.project.prompt_versions.count() == 2
    page = browser.get(f"{path}?from=1&to=2").content.decode()
    assert "<ins>Be brief.</ins>" in page
    browser.post(f"{path}/1/restore")
    world.project.refresh_from_db()
    assert world.project.system_prompt == "You are Alpha."
    assert world.project.prompt_versions.count() == 3
    assert browser.get(f"{path}?to=99").status_code == 404
    assert browser.post(f"{path}/99/restore").status_code == 404


def test_a_prompt_keeps_its_white_space_and_is_never_markup(as_user, world):
    browser = as_user(world.editor)
    text = "  <script>alert(1)</script>\n\n{{ user.email }}  "
    browser.post(path_of(world, "/prompt"), {"text": text})
    world.project.refresh_from_db()
    assert world.project.system_prompt == text
    page = browser.get(path_of(world, "/prompt?to=2")).content.decode()
    assert "<script>alert" not in page
    assert "{{ user.email }}" in page


def test_the_api_page_names_the_real_address(as_user, world, settings):
    settings.PUBLIC_URL = "https://ai.example.org"
    for language in ("curl", "python", "javascript", "cobol"):
        page = as_user(world.viewer).get(path_of(world, f"/api?language={language}"))
        assert "https://ai.example.org/v1" in page.content.decode()
        assert f"project/{world.project.pk}" in page.content.decode()


def test_access_is_given_changed_and_taken_away(as_user, world):
    browser = as_user(world.team_admin)
    sent = {"user": world.member.pk, "role": "viewer"}
    assert browser.post(path_of(world, "/access"), sent).status_code == 302
    member = ProjectMember.objects.get(user=world.member)
    assert browser.post(path_of(world, f"/access/{member.pk}/role"), {"role": "editor"}).url
    member.refresh_from_db()
    assert member.role == "editor"
    browser.post(path_of(world, f"/access/{member.pk}/remove"))
    assert not ProjectMember.objects.filter(pk=member.pk).exists()
    browser.post(path_of(world, "/access/visibility"), {"visibility": "team"})
    world.project.refresh_from_db()
    assert world.project.visibility == "team"


def test_only_people_of_the_team_are_offered(as_user, world):
    browser = as_user(world.team_admin)
    assert world.outsider.email not in browser.get(path_of(world, "/access")).content.decode()
    sent = {"user": world.outsider.pk, "role": "viewer"}
    assert browser.post(path_of(world, "/access"), sent).status_code == 400
    assert not ProjectMember.objects.filter(user=world.outsider).exists()


def test_an_assignment_of_another_project_is_not_reached_through_ones_own(as_user, world):
    member = ProjectMember.objects.get(user=world.viewer)
    path = f"/projects/{world.shared_project.pk}/access/{member.pk}/remove"
    assert as_user(world.team_admin).post(path).status_code == 404
    assert ProjectMember.objects.filter(pk=member.pk).exists()


def test_a_project_is_deleted_by_its_typed_name(as_user, world):
    browser = as_user(world.team_admin)
    browser.post(path_of(world, "/delete"), {"confirmation": "private"})
    assert Project.objects.filter(pk=world.project.pk).exists()
    assert browser.post(path_of(world, "/delete"), {"confirmation": "Private"}).url == "/projects"
    assert not Project.objects.filter(pk=world.project.pk).exists()


def test_names_are_text_wherever_they_stand(as_user, world):
    name = "<img src=x onerror=alert(1)>"
    Project.objects.filter(pk=world.project.pk).update(name=name, description=name)
    browser = as_user(world.team_admin)
    for path in ("/projects", path_of(world), path_of(world, "/settings"), path_of(world, "/chat")):
        assert "<img src=x" not in browser.get(path).content.decode()


def test_pages_ask_few_questions(as_user, world, django_assert_max_num_queries):
    for number in range(30):
        create_project(world.alpha, {"name": f"Project {number}", "llm": world.llm}, actor=SYSTEM)
        set_prompt(world.project, f"Prompt {number}", actor=SYSTEM)
        UsageRecord.objects.create(
            project=world.project,
            team=world.alpha,
            user=world.viewer,
            model_name="alpha-llm",
            prompt_tokens=1,
            completion_tokens=1,
            tokens_source="provider",
            latency_ms=1,
            outcome="completed",
        )
    browser = as_user(world.team_admin)
    pages = ["/prompt", "/api", "/access", "/settings", "", "/chat"]
    for path in ["/projects", *(path_of(world, page) for page in pages)]:
        with django_assert_max_num_queries(12):
            assert browser.get(path).status_code == 200
