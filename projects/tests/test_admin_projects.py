"""Projects, assignments and the ledger in Django's admin, by the services."""

import pytest
from django.contrib import admin as django_admin
from django.urls import reverse

from accounts.models import LdapAccount, Passkey, RecoveryCode, TotpDevice
from audit.models import Entry
from inference.models import Conversation, Message
from metering.models import UsageRecord
from projects.models import Project, ProjectMember


@pytest.fixture
def admin(world, as_user):
    return as_user(world.platform_admin)


def form_of(world, **values) -> dict:
    form = {"name": "Private", "llm": world.llm.pk, "visibility": "members"}
    return {**form, "system_prompt": "You are Alpha.", "inference_logging": "full", **values}


def test_a_changed_prompt_becomes_a_version(admin, world):
    path = reverse("admin:projects_project_change", args=[world.project.pk])
    form = form_of(world, system_prompt="Changed", name="Renamed")
    assert admin.post(path, form).status_code == 302
    world.project.refresh_from_db()
    assert (world.project.name, world.project.system_prompt) == ("Renamed", "Changed")
    assert world.project.prompt_versions.count() == 2
    last = Entry.objects.acts().order_by("-id").values_list("action", flat=True)[:2]
    assert list(last) == ["project.update", "project.prompt"]


def test_a_project_does_not_change_its_team(admin, world):
    path = reverse("admin:projects_project_change", args=[world.project.pk])
    admin.post(path, form_of(world, team=world.beta.pk))
    world.project.refresh_from_db()
    assert world.project.team == world.alpha


def test_a_model_that_is_not_granted_is_explained_on_the_form(admin, world):
    path = reverse("admin:projects_project_change", args=[world.project.pk])
    answer = admin.post(path, form_of(world, llm=world.other_llm.pk))
    assert answer.status_code == 200
    assert "This model is not granted to the team." in answer.content.decode()
    world.project.refresh_from_db()
    assert world.project.llm == world.llm


def test_a_project_is_made_and_deleted_by_the_services(admin, world):
    form = form_of(world, name="New", team=world.alpha.pk)
    assert admin.post("/admin/projects/project/add/", form).status_code == 302
    made = Project.objects.get(name="New")
    assert made.prompt_versions.count() == 1
    delete = reverse("admin:projects_project_delete", args=[made.pk])
    assert admin.post(delete, {"post": "yes"}).status_code == 302
    assert not Project.objects.filter(pk=made.pk).exists()
    assert Entry.objects.acts().latest("id").action == "project.delete"


def test_a_changed_role_of_an_assignment_is_saved_and_audited(admin, world):
    row = ProjectMember.objects.get(project=world.project, user=world.viewer)
    path = reverse("admin:projects_projectmember_change", args=[row.pk])
    assert admin.post(path, {"role": "editor"}).status_code == 302
    row.refresh_from_db()
    assert row.role == "editor"
    assert Entry.objects.acts().latest("id").action == "project.member_role"


def test_somebody_outside_the_team_is_not_assigned(admin, world):
    form = {"project": world.project.pk, "user": world.outsider.pk, "role": "viewer"}
    answer = admin.post("/admin/projects/projectmember/add/", form)
    assert answer.status_code == 200
    assert "Only members of the team" in answer.content.decode()
    assert not ProjectMember.objects.filter(user=world.outsider).exists()


def test_the_ledger_is_to_look_at(admin, world):
    row = UsageRecord.objects.create(
        user=world.viewer,
        model_name="m",
        prompt_tokens=1,
        completion_tokens=1,
        latency_ms=1,
        outcome="completed",
        tokens_source="provider",
    )
    path = reverse("admin:metering_usagerecord_change", args=[row.pk])
    assert admin.get(path).status_code == 200
    assert admin.post(path, {"cost": 0}).status_code == 403
    assert admin.get("/admin/metering/usagerecord/add/").status_code == 403
    delete = reverse("admin:metering_usagerecord_delete", args=[row.pk])
    assert admin.post(delete, {"post": "yes"}).status_code == 403


def test_the_ledger_is_listed_when_what_it_names_is_gone(admin, world):
    UsageRecord.objects.create(
        user_id=10**9,
        project_id=10**9,
        model_name="gone",
        prompt_tokens=1,
        completion_tokens=1,
        latency_ms=1,
        outcome="completed",
        tokens_source="provider",
    )
    answer = admin.get("/admin/metering/usagerecord/")
    assert answer.status_code == 200
    assert "gone" in answer.content.decode()


def test_operators_see_that_people_talk_and_not_what_they_say(admin, world):
    talk = Conversation.objects.create(
        project=world.project, user=world.viewer, title="My private matter"
    )
    message = Message.objects.create(conversation=talk, role="user", content="My private words")
    pages = [
        "/admin/inference/conversation/",
        "/admin/inference/message/",
        reverse("admin:inference_conversation_change", args=[talk.pk]),
        reverse("admin:inference_message_change", args=[message.pk]),
    ]
    for path in pages:
        answer = admin.get(path)
        assert answer.status_code == 200
        assert "My private" not in answer.content.decode()


def test_every_model_of_ours_is_in_the_administration():
    from django.apps import apps

    names = [
        "accounts",
        "audit",
        "configuration",
        "catalog",
        "teams",
        "projects",
        "metering",
        "inference",
        "guards",
        "widget",
    ]
    ours = {model for model in apps.get_models() if model.__module__.split(".")[0] in names}
    # What proves who somebody is, is for its owner; the page Users says who has it.
    factors = {TotpDevice, RecoveryCode, Passkey, LdapAccount}
    assert ours - factors == set(django_admin.site._registry)
