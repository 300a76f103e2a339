"""What visitors think of answers, and why, for those who edit the project."""

from datetime import timedelta

import pytest
from django.utils import timezone

from inference.models import Conversation
from projects.services import update_project
from restai_site.tests.world import SYSTEM, acting
from widget.models import Feedback, Visitor
from widget.services import create_widget
from widget.tests.conftest import SITE, Page
from widget.tests.test_chat import told


@pytest.fixture
def path(page):
    return f"/projects/{page.widget.project_id}/widgets/{page.widget.pk}/feedback"


def judge(page, *, helpful, reason="", message="Hello"):
    conversation, _, (_, done) = told(page, message)
    body = {"message_id": done["message_id"], "is_helpful": helpful, "reason": reason}
    assert page.ask("feedback", body).status_code == 200
    return conversation


@pytest.fixture
def judged(page):
    page.begin()
    good = judge(page, helpful=True)
    bad = judge(page, helpful=False, reason="Wrong <b>price</b>")
    return good, bad


def test_the_page_lists_opinions_with_their_reasons(judged, path, world, as_user):
    browser = as_user(world.editor)
    text = browser.get(path).content.decode()
    assert "Wrong &lt;b&gt;price&lt;/b&gt;" in text
    assert "No reason given" in text
    unhelpful = browser.get(f"{path}?opinion=unhelpful").content.decode()
    assert ("Wrong" in unhelpful, "No reason given" in unhelpful) == (True, False)
    assert "Wrong" not in browser.get(f"{path}?opinion=helpful").content.decode()
    assert "Wrong" in browser.get(f"{path}?q=PRICE&opinion=nonsense").content.decode()
    assert "No opinion found" in browser.get(f"{path}?q=weather").content.decode()


def test_who_may_read_the_log_is_led_to_the_conversation(judged, path, world, as_user):
    link = f"/projects/{world.project.pk}/log?conversation={judged[1]}"
    assert link in as_user(world.team_admin).get(path).content.decode()
    assert "conversation=" not in as_user(world.editor).get(path).content.decode()
    assert as_user(world.team_admin).get(link).status_code == 200


def test_reasons_are_kept_as_the_project_keeps_what_is_said(page, world):
    page.begin()
    judge(page, helpful=False, reason=" Ask ada@example.org " + 400 * "x")
    assert Feedback.objects.get().reason == "Ask ada@example.org " + 280 * "x"
    update_project(world.project, {"masks_logs": True}, actor=SYSTEM)
    judge(page, helpful=False, reason="Ask ada@example.org")
    assert "ada@example.org" not in Feedback.objects.latest("pk").reason
    assert Feedback.objects.latest("pk").reason.startswith("Ask ")


def test_a_widget_nobody_has_judged_says_so(path, world, as_user):
    assert "No opinion yet" in as_user(world.editor).get(path).content.decode()


def test_the_api_lists_them_newest_first(judged, path, world, as_user):
    browser = as_user(world.editor)
    rows = browser.get(f"/api{path}").json()["results"]
    assert [(row["is_helpful"], row["conversation_id"]) for row in rows] == [
        (False, judged[1]),
        (True, judged[0]),
    ]
    assert rows[0]["reason"] == "Wrong <b>price</b>"
    only = browser.get(f"/api{path}?is_helpful=true").json()["results"]
    assert [row["is_helpful"] for row in only] == [True]
    Conversation.objects.all().delete()
    rows = browser.get(f"/api{path}").json()["results"]
    assert [row["conversation_id"] for row in rows] == [None, None]


def test_nobody_reads_those_of_another_widget_or_project(judged, page, path, world, as_user):
    other, key = create_widget(
        world.project, name="Other", allowed_origins=[SITE], actor=acting(world.editor)
    )
    there = Page(other, key)
    there.begin()
    judge(there, helpful=False, reason="Elsewhere")
    browser = as_user(world.editor)
    assert "Elsewhere" not in browser.get(path).content.decode()
    assert browser.get(f"/api{path}").json()["count"] == 2
    for where in (path, f"/api{path}"):
        assert as_user(world.outsider).get(where).status_code == 404
        moved = where.replace(str(world.project.pk), str(world.shared_project.pk), 1)
        assert as_user(world.team_admin).get(moved).status_code == 404


def test_a_long_list_takes_as_many_queries(
    page, path, world, as_user, django_assert_max_num_queries
):
    visitor = Visitor.objects.create(widget=page.widget, seen_at=timezone.now())
    for number in range(60):
        made = Feedback.objects.create(
            widget=page.widget,
            visitor=visitor,
            message_id=f"00000000-0000-4000-8000-{number:012d}",
            is_helpful=False,
        )
        moment = timezone.now() - timedelta(minutes=number)
        Feedback.objects.filter(pk=made.pk).update(created_at=moment)
    browser = as_user(world.editor)
    with django_assert_max_num_queries(20):
        assert "25 of 60" in browser.get(path).content.decode()
    with django_assert_max_num_queries(14):
        assert browser.get(f"/api{path}").json()["count"] == 60
