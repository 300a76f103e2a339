"""Where a project forgets what was said, its findings forget it too."""

import pytest

from audit.models import Entry
from guards.models import GuardEvent
from guards.tests.events import event
from inference.models import Conversation
from projects.services import delete_project, update_project
from projects.signals import conversations_deleted
from restai_site.tests.world import SYSTEM, acting

OFF = {"inference_logging": "off"}
SAID = {"text": "My address is ada@example.org", "reason": "It names ada@example.org"}
NUMBERS = ("outcome", "category", "score", "latency_ms", "review", "review_note", "created_at")


@pytest.fixture
def said(world):
    return [
        event(world.project, **SAID, score=0.9, review="right", review_note="Seen"),
        event(world.project, outcome="warned", reason="It names ada@example.org"),
        event(world.project, outcome="passed", category=""),
        event(world.shared_project, **SAID),
        event(world.other_project, **SAID),
    ]


def words():
    return set(GuardEvent.objects.values_list("project__name", "text", "reason"))


def page_form(world, **values):
    return {"name": "Private", "llm": world.llm.pk, "inference_logging": "off", **values}


def test_texts_and_reasons_go_with_the_conversations_and_the_numbers_stay(world, said):
    before = list(GuardEvent.objects.order_by("pk").values(*NUMBERS))
    update_project(world.project, OFF, delete_conversations=True, actor=acting(world.editor))
    assert words() == {
        ("Private", "", ""),
        ("Shared", SAID["text"], SAID["reason"]),
        ("Other", SAID["text"], SAID["reason"]),
    }
    assert list(GuardEvent.objects.order_by("pk").values(*NUMBERS)) == before
    assert GuardEvent.objects.filter(project=world.project).count() == 3


def test_the_trail_says_how_many_and_nothing_that_was_said(world, said):
    update_project(world.project, OFF, delete_conversations=True, actor=acting(world.editor))
    entry = Entry.objects.acts().latest("id")
    assert entry.action == "project.update"
    assert entry.changes["deleted_texts"] == 2
    assert "ada@" not in str(list(Entry.objects.values()))
    entries = Entry.objects.acts().count()
    update_project(world.project, {}, delete_conversations=True, actor=acting(world.editor))
    assert Entry.objects.acts().count() == entries


def test_switched_off_alone_it_keeps_the_rows_until_somebody_asks(world, said):
    update_project(world.project, OFF, actor=acting(world.editor))
    assert ("Private", SAID["text"], SAID["reason"]) in words()


def test_a_change_that_fails_keeps_the_texts(world, said):
    with pytest.raises(Exception, match="already has a project"):
        update_project(
            world.project, {**OFF, "name": "Shared"}, delete_conversations=True, actor=SYSTEM
        )
    assert ("Private", SAID["text"], SAID["reason"]) in words()


def test_an_error_of_who_is_told_keeps_the_conversations(world, said):
    def fails(sender, **_):
        raise RuntimeError("not now")

    Conversation.objects.create(project=world.project, user=world.viewer, title="Talk")
    conversations_deleted.connect(fails)
    try:
        with pytest.raises(RuntimeError, match="not now"):
            update_project(world.project, OFF, delete_conversations=True, actor=SYSTEM)
    finally:
        conversations_deleted.disconnect(fails)
    assert Conversation.objects.count() == 1
    assert ("Private", SAID["text"], SAID["reason"]) in words()


def test_a_project_that_is_deleted_leaves_figures_and_no_words(world, said):
    delete_project(world.project, actor=acting(world.team_admin))
    left = GuardEvent.objects.filter(project=None)
    assert left.count() == 3
    assert set(left.values_list("text", "reason")) == {("", "")}
    assert set(left.values_list("team_id", flat=True)) == {world.alpha.pk}


def test_the_page_offers_it_also_where_guards_alone_have_kept_something(world, as_user):
    browser = as_user(world.editor)
    path = f"/projects/{world.project.pk}/settings"
    assert b"delete_conversations" not in browser.get(path).content
    event(world.project, **SAID)
    assert "Delete the texts kept by guards now" in browser.get(path).content.decode()
    browser.post(path, page_form(world, delete_conversations="on"))
    assert words() == {("Private", "", "")}
    assert b"delete_conversations" not in browser.get(path).content


def test_the_api_does_the_same(world, said, as_user):
    path, body = f"/api/projects/{world.project.pk}", {**OFF, "delete_conversations": True}
    answer = as_user(world.editor).patch(path, body, content_type="application/json")
    assert answer.status_code == 200
    assert not GuardEvent.objects.filter(project=world.project).exclude(text="").exists()
