"""The setting that a project keeps no conversations: who switches it, what becomes of them."""

import pytest
from django.urls import reverse

from audit.models import Entry
from inference.models import Conversation, Message
from metering.models import UsageRecord
from projects.models import Project
from projects.services import create_project, update_project
from restai_site.lib.errors import Forbidden, Invalid
from restai_site.tests.world import SYSTEM, acting

OFF = {"inference_logging": "off"}
DELETE = {**OFF, "delete_conversations": True}
TICK = "delete_conversations"


def actor_of(user):
    return acting(user)


def keep(project, user, words="Words that were said"):
    talk = Conversation.objects.create(project=project, user=user, title=words)
    asked = Message.objects.create(conversation=talk, role="user", content=words)
    Message.objects.create(conversation=talk, role="assistant", content=words, parent=asked)
    return talk


@pytest.fixture
def kept(world):
    """Three conversations with the project, and one with another."""
    for user in (world.viewer, world.viewer, world.editor):
        keep(world.project, user)
    return keep(world.shared_project, world.viewer)


def logging_of(world):
    return Project.objects.get(pk=world.project.pk).inference_logging


def api_path(world):
    return f"/api/projects/{world.project.pk}"


def page_path(world):
    return f"/projects/{world.project.pk}/settings"


def form_of(world, **values):
    return {"name": "Private", "llm": world.llm.pk, "inference_logging": "off", **values}


def test_a_project_keeps_conversations_until_it_is_told_otherwise(world):
    assert logging_of(world) == "full"
    assert world.project.keeps_conversations


# --- Four doors -------------------------------------------------------------------------------
def test_editors_switch_it_by_the_api_and_others_do_not(world, kept, client, as_user):
    before = list(Project.objects.order_by("pk").values())

    def send(browser):
        return browser.patch(api_path(world), DELETE, content_type="application/json")

    assert send(client).status_code == 401
    for user in (world.outsider, world.outsider_admin, world.member):
        assert send(as_user(user)).status_code == 404
    assert send(as_user(world.viewer)).status_code == 403
    assert list(Project.objects.order_by("pk").values()) == before
    assert Conversation.objects.count() == 4
    answer = send(as_user(world.editor))
    assert (answer.status_code, answer.json()["inference_logging"]) == (200, "off")
    assert TICK not in answer.json()
    assert logging_of(world) == "off"


@pytest.mark.parametrize("who", ["editor", "team_admin", "platform_admin"])
def test_editors_switch_it_on_the_page(world, as_user, who):
    browser = as_user(getattr(world, who))
    assert browser.post(page_path(world), form_of(world)).status_code == 302
    assert logging_of(world) == "off"
    browser.post(page_path(world), form_of(world, inference_logging="full"))
    assert logging_of(world) == "full"


def test_others_do_not_switch_it_on_the_page(world, kept, client, as_user):
    sent = form_of(world, delete_conversations="on")
    assert client.post(page_path(world), sent).url.startswith("/login")
    for user in (world.outsider, world.outsider_admin, world.member):
        assert as_user(user).post(page_path(world), sent).status_code == 404
    assert as_user(world.viewer).post(page_path(world), sent).status_code == 403
    assert logging_of(world) == "full"
    assert Conversation.objects.count() == 4


def test_the_service_refuses_whoever_may_not_edit(world, kept):
    for user in (world.viewer, world.member, world.outsider_admin):
        with pytest.raises(Forbidden):
            update_project(world.project, OFF, delete_conversations=True, actor=actor_of(user))
    assert logging_of(world) == "full"
    assert Conversation.objects.count() == 4


# --- What becomes of conversations --------------------------------------------------------------
def test_switched_off_alone_it_leaves_the_conversations(world, kept, as_user):
    update_project(world.project, OFF, actor=actor_of(world.editor))
    assert Conversation.objects.count() == 4
    assert Message.objects.count() == 8
    assert as_user(world.viewer).get("/api/conversations").json()["count"] == 3


def test_on_request_it_deletes_those_of_the_project_and_no_others(world, kept):
    usage = UsageRecord.objects.create(
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
    answer = Message.objects.filter(conversation__project=world.project, role="assistant").first()
    Message.objects.filter(pk=answer.pk).update(usage=usage)
    update_project(world.project, OFF, delete_conversations=True, actor=actor_of(world.editor))
    assert Conversation.objects.get() == kept
    assert Message.objects.count() == 2
    assert UsageRecord.objects.get() == usage


def test_the_trail_says_who_switched_and_how_many_were_deleted_and_nothing_that_was_said(
    world, kept
):
    update_project(world.project, OFF, delete_conversations=True, actor=actor_of(world.editor))
    entry = Entry.objects.acts().latest("id")
    assert (entry.action, entry.actor_email) == ("project.update", "editor@example.org")
    assert entry.changes == {
        "inference_logging": {"before": "full", "after": "off"},
        "deleted_conversations": 3,
    }
    assert "Words that were said" not in str(list(Entry.objects.values()))


def test_what_was_left_is_deleted_later(world, kept):
    update_project(world.project, OFF, actor=SYSTEM)
    update_project(world.project, {}, delete_conversations=True, actor=actor_of(world.editor))
    assert Conversation.objects.get() == kept
    assert Entry.objects.acts().latest("id").changes == {"deleted_conversations": 3}
    entries = Entry.objects.acts().count()
    update_project(world.project, {}, delete_conversations=True, actor=actor_of(world.editor))
    assert Entry.objects.acts().count() == entries


def test_a_project_that_keeps_conversations_deletes_none(world, kept, as_user):
    with pytest.raises(Invalid, match="switch it off"):
        update_project(world.project, {}, delete_conversations=True, actor=SYSTEM)
    body = {"name": "Renamed", TICK: True}
    answer = as_user(world.editor).patch(api_path(world), body, content_type="application/json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [TICK])
    assert Conversation.objects.count() == 4
    assert Project.objects.get(pk=world.project.pk).name == "Private"


def test_a_change_that_fails_deletes_nothing(world, kept):
    values = {**OFF, "name": "Shared"}
    with pytest.raises(Exception, match="already has a project"):
        update_project(world.project, values, delete_conversations=True, actor=SYSTEM)
    assert Conversation.objects.count() == 4
    assert logging_of(world) == "full"


# --- Page, API, administration ------------------------------------------------------------------
def test_the_page_asks_what_becomes_of_the_stored_conversations(world, kept, as_user):
    browser = as_user(world.editor)
    page = browser.get(page_path(world)).content.decode()
    assert "Delete the 3 stored conversations of this project now" in page
    form = browser.get(page_path(world)).context["form"]
    assert (form["inference_logging"].value(), form[TICK].value()) == ("full", None)
    assert browser.post(page_path(world), form_of(world)).status_code == 302
    assert Conversation.objects.count() == 4
    ticked = form_of(world, delete_conversations="on")
    assert browser.post(page_path(world), ticked).status_code == 302
    assert Conversation.objects.get() == kept
    assert TICK not in browser.get(page_path(world)).context["form"].fields


def test_the_page_counts_one_conversation_as_one(world, as_user):
    keep(world.project, world.viewer)
    page = as_user(world.editor).get(page_path(world)).content.decode()
    assert "Delete the 1 stored conversation of this project now" in page
    assert "Words that were said" not in page


def test_a_tick_without_the_switch_is_refused_beside_it(world, kept, as_user):
    sent = form_of(world, inference_logging="full", delete_conversations="on")
    answer = as_user(world.editor).post(page_path(world), sent)
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == [TICK]
    assert Conversation.objects.count() == 4


def test_the_overview_says_whether_anything_is_kept(world, as_user):
    page = f"/projects/{world.project.pk}"
    assert "the log has questions and answers" in as_user(world.viewer).get(page).content.decode()
    update_project(world.project, OFF, actor=SYSTEM)
    assert "keeps no question and no answer" in as_user(world.viewer).get(page).content.decode()


def test_the_api_page_says_how_programs_go_on(world, as_user):
    page = f"/projects/{world.project.pk}/api"
    assert "send the returned conversation_id" in as_user(world.viewer).get(page).content.decode()
    update_project(world.project, OFF, actor=SYSTEM)
    assert "send the earlier turns as history" in as_user(world.viewer).get(page).content.decode()


def test_a_project_can_be_made_without_logging(world, as_user):
    body = {"team": world.alpha.pk, "name": "Quiet", "llm": world.llm.pk, **OFF}
    answer = as_user(world.team_admin).post("/api/projects", body, content_type="application/json")
    assert (answer.status_code, answer.json()["inference_logging"]) == (201, "off")
    made = create_project(
        world.alpha, {"name": "Quieter", "llm": world.llm, **OFF}, actor=actor_of(world.team_admin)
    )
    assert not made.keeps_conversations


@pytest.mark.parametrize("value", ["", "numbers", "OFF", None, True, 0, ["off"]])
def test_any_other_word_is_refused(world, as_user, value):
    answer = as_user(world.editor).patch(
        api_path(world), {"inference_logging": value}, content_type="application/json"
    )
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["inference_logging"])
    assert logging_of(world) == "full"


def test_the_administration_switches_and_deletes_by_the_service(world, kept, as_user):
    admin = as_user(world.platform_admin)
    path = reverse("admin:projects_project_change", args=[world.project.pk])
    assert TICK in admin.get(path).content.decode()
    form = form_of(world, visibility="members", system_prompt="You are Alpha.")
    refused = admin.post(path, {**form, "inference_logging": "full", TICK: "on"})
    assert refused.status_code == 200
    assert "switch it off" in refused.content.decode()
    assert Conversation.objects.count() == 4
    assert admin.post(path, form).status_code == 302
    assert (logging_of(world), Conversation.objects.count()) == ("off", 4)
    assert admin.post(path, {**form, TICK: "on"}).status_code == 302
    assert Conversation.objects.get() == kept
    assert Entry.objects.acts().latest("id").changes == {"deleted_conversations": 3}
    assert TICK not in admin.get("/admin/projects/project/add/").content.decode()
