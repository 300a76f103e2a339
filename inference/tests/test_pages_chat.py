"""Pages of the chat: conversations are their owner's alone."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from inference.models import Conversation, Message
from restai_site.tests.world import make_user
from teams.models import Membership


@pytest.fixture
def talk(world):
    made = Conversation.objects.create(
        project=world.project, user=world.viewer, title="About herons"
    )
    asked = Message.objects.create(conversation=made, role="user", content="What is a heron?")
    Message.objects.create(conversation=made, role="assistant", content="A bird.", parent=asked)
    return made


def path_of(world, talk, page=""):
    return f"/projects/{world.project.pk}/chat/{talk.pk}{page}"


def test_a_conversation_is_its_owners_alone(client, as_user, world, talk):
    path = path_of(world, talk)
    assert client.get(path).url == f"/login?next={path}"
    for user in (world.outsider, world.editor, world.team_admin, world.platform_admin):
        assert as_user(user).get(path).status_code == 404
    page = as_user(world.viewer).get(path).content.decode()
    assert "What is a heron?" in page
    assert "A bird." in page


def test_others_neither_rename_nor_pin_nor_delete_it(client, as_user, world, talk):
    before = Conversation.objects.values().get()
    sent = {"title": "Stolen", "pinned": "true"}
    for page in ("/rename", "/pin", "/delete"):
        path = path_of(world, talk, page)
        assert client.post(path, sent).status_code == 302
        for user in (world.outsider, world.editor, world.team_admin, world.platform_admin):
            assert as_user(user).post(path, sent).status_code == 404
    assert Conversation.objects.values().get() == before


def test_the_owner_renames_pins_and_deletes_it(as_user, world, talk):
    browser = as_user(world.viewer)
    browser.post(path_of(world, talk, "/rename"), {"title": "Herons"})
    browser.post(path_of(world, talk, "/pin"), {"pinned": "true"})
    talk.refresh_from_db()
    assert (talk.title, talk.pinned) == ("Herons", True)
    for wrong in ("", "x" * 121, "nul\0"):
        browser.post(path_of(world, talk, "/rename"), {"title": wrong})
    talk.refresh_from_db()
    assert talk.title == "Herons"
    browser.post(path_of(world, talk, "/delete"))
    assert not Conversation.objects.exists()


def test_a_conversation_is_not_found_through_another_project(as_user, world, talk):
    path = f"/projects/{world.shared_project.pk}/chat/{talk.pk}"
    assert as_user(world.viewer).get(path).status_code == 404
    assert (
        as_user(world.viewer).get(f"/projects/{world.project.pk}/chat/{uuid4()}").status_code == 404
    )


def test_who_leaves_the_team_loses_the_conversation(as_user, world, talk):
    browser = as_user(world.viewer)
    world.viewer.project_memberships.all().delete()
    Membership.objects.filter(user=world.viewer).delete()
    assert browser.get(path_of(world, talk)).status_code == 404


def test_history_is_grouped_by_the_day_of_last_use(as_user, world, talk):
    ages = {"Yesterday": 1, "Previous 7 days": 5, "Older": 30}
    for title, days in ages.items():
        made = Conversation.objects.create(
            project=world.project, user=world.viewer, title=f"From {title}"
        )
        moment = timezone.now() - timedelta(days=days)
        Conversation.objects.filter(pk=made.pk).update(updated_at=moment)
    pinned = Conversation.objects.create(
        project=world.project, user=world.viewer, title="P", pinned=True
    )
    answer = as_user(world.viewer).get(path_of(world, talk))
    groups = [(name, [one.title for one in rows]) for name, rows in answer.context["groups"]]
    assert groups == [
        ("Pinned", [pinned.title]),
        ("Today", ["About herons"]),
        *((name, [f"From {name}"]) for name in ages),
    ]


def test_history_is_searched_by_title_and_is_ones_own(as_user, world, talk):
    Conversation.objects.create(project=world.project, user=world.editor, title="Not yours: heron")
    browser = as_user(world.viewer)
    path = f"/projects/{world.project.pk}/chat/history"
    page = browser.get(f"{path}?q=HERON").content.decode()
    assert "About herons" in page
    assert "Not yours" not in page
    assert "<html" not in page
    assert "About herons" not in browser.get(f"{path}?q=otter").content.decode()
    assert browser.get(f"{path}?q=%00&current=zzz").status_code == 200


def test_the_newest_branch_is_shown(as_user, world, talk):
    asked = talk.messages.get(role="user")
    Message.objects.create(
        conversation=talk, role="assistant", content="Ardea cinerea.", parent=asked
    )
    page = as_user(world.viewer).get(path_of(world, talk)).content.decode()
    assert "Ardea cinerea." in page
    assert "A bird." not in page


def test_messages_are_text_in_the_page(as_user, world, talk):
    talk.messages.update(content="<img src=x onerror=alert(1)>")
    Conversation.objects.update(title="<script>alert(1)</script>")
    page = as_user(world.viewer).get(path_of(world, talk)).content.decode()
    assert "<img src=x" not in page
    assert "<script>alert" not in page


def test_the_chat_leads_to_the_project_last_talked_to(as_user, world, talk):
    assert as_user(world.viewer).get("/chat").url == f"/projects/{world.project.pk}/chat"
    assert as_user(world.member).get("/chat").url == f"/projects/{world.shared_project.pk}/chat"


def test_who_has_no_project_is_told_what_to_do(as_user, world):
    page = as_user(make_user("newcomer")).get("/chat")
    assert page.status_code == 200
    assert "Ask an admin of your team" in page.content.decode()


def test_a_project_whose_model_is_off_says_so(as_user, world):
    world.llm.enabled = False
    world.llm.save(update_fields=["enabled"])
    page = as_user(world.viewer).get(f"/projects/{world.project.pk}/chat").content.decode()
    assert "does not answer at the moment" in page
    assert 'id="composer"' not in page


def test_a_long_history_asks_few_questions(as_user, world, talk, django_assert_max_num_queries):
    for number in range(80):
        Conversation.objects.create(project=world.project, user=world.viewer, title=f"No {number}")
        Message.objects.create(conversation=talk, role="user", content="x")
    browser = as_user(world.viewer)
    with django_assert_max_num_queries(12):
        assert browser.get(path_of(world, talk)).status_code == 200
