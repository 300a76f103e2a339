"""The chat page of a project that keeps no conversations."""

import pytest

from inference.models import Conversation, Message

NOTE = "This project keeps no conversations: what is said is gone when you leave this page."


@pytest.fixture
def talk(unkept):
    """A conversation that was kept before, with a question that was never answered at its end."""
    made = Conversation.objects.create(
        project=unkept.project, user=unkept.viewer, title="About herons"
    )
    asked = Message.objects.create(conversation=made, role="user", content="What is a heron?")
    answer = Message.objects.create(
        conversation=made, role="assistant", content="A bird.", parent=asked
    )
    Message.objects.create(conversation=made, role="user", content="Tall?", parent=answer)
    return made


def chat_path(world):
    return f"/projects/{world.project.pk}/chat"


def page_of(browser, path):
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def note_of(page):
    """Return what the tag of the note says."""
    found = page.partition('id="unkept"')[2].partition(">")
    assert found[1]
    return found[0]


def test_the_page_says_that_nothing_is_kept(unkept, as_user):
    page = page_of(as_user(unkept.viewer), chat_path(unkept))
    assert NOTE in page
    assert "hidden" not in note_of(page)
    assert "data-unkept" in page
    assert 'id="composer"' in page
    assert "Search conversations" not in page
    assert "This project keeps no conversations.</p>" in page


def test_the_page_of_another_project_does_not(world, as_user):
    page = page_of(as_user(world.viewer), chat_path(world))
    assert "hidden" in note_of(page)
    assert "data-unkept" not in page
    assert "Search conversations" in page


def test_the_field_has_no_name_that_would_carry_the_text_into_an_address(world, as_user):
    """Without the script a browser sends the form by itself, by GET: to logs and histories."""
    page = page_of(as_user(world.viewer), chat_path(world))
    field = page.partition('id="composer-text"')[2].partition(">")[0]
    assert field
    assert "name=" not in field


def test_what_was_kept_before_is_read_and_deleted_there_and_no_more(unkept, as_user, talk):
    path = f"{chat_path(unkept)}/{talk.pk}"
    page = page_of(as_user(unkept.viewer), path)
    assert "A bird." in page
    assert "can be read and deleted, not continued" in page
    assert f"{path}/delete" in page
    for absent in ('id="composer"', "data-regenerate", "data-unanswered", "data-unkept", NOTE):
        assert absent not in page, absent
    for action in ("rename", "pin"):
        assert f"{path}/{action}" not in page


def test_its_list_shows_what_was_kept_before_and_finds_it(unkept, as_user, talk):
    browser = as_user(unkept.viewer)
    assert "About herons" in page_of(browser, chat_path(unkept))
    assert "About herons" in page_of(browser, f"{chat_path(unkept)}/history?q=heron")
    assert "About herons" not in page_of(as_user(unkept.editor), chat_path(unkept))


def test_a_conversation_that_is_closed_is_neither_renamed_nor_pinned(unkept, as_user, talk):
    browser, path = as_user(unkept.viewer), f"{chat_path(unkept)}/{talk.pk}"
    before = Conversation.objects.values().get()
    for action, sent in (("rename", {"title": "New"}), ("pin", {"pinned": "true"})):
        answer = browser.post(f"{path}/{action}", sent, follow=True)
        assert "keeps no conversations any more" in answer.content.decode()
    assert Conversation.objects.values().get() == before
    browser.post(f"{path}/delete")
    assert not Conversation.objects.exists()


def test_a_conversation_that_is_closed_is_its_owners_alone(unkept, client, as_user, talk):
    path = f"{chat_path(unkept)}/{talk.pk}"
    assert client.get(path).url == f"/login?next={path}"
    for user in (unkept.outsider, unkept.editor, unkept.team_admin, unkept.platform_admin):
        assert as_user(user).get(path).status_code == 404
        assert as_user(user).post(f"{path}/delete").status_code == 404
    assert Conversation.objects.get() == talk


def test_the_page_asks_no_more_questions_than_others(
    unkept, as_user, talk, django_assert_max_num_queries
):
    browser = as_user(unkept.viewer)
    for path in (chat_path(unkept), f"{chat_path(unkept)}/{talk.pk}"):
        with django_assert_max_num_queries(12):
            browser.get(path)
