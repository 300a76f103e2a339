"""A visitor whom a website knows is forgotten, with all that they have said."""

import pytest

from audit.models import Entry
from guards.models import GuardEvent
from inference.models import Conversation, InferenceLog
from metering.models import UsageRecord
from restai_site.lib.errors import Forbidden, NotFound
from restai_site.tests.tables import tables_holding
from restai_site.tests.world import acting
from widget import public
from widget.forgetting import forget_visitor
from widget.models import Feedback, Visitor, VisitorSession
from widget.services import create_widget, renew_identity_secret
from widget.tests.conftest import SITE, Page
from widget.tests.test_chat import refused, told
from widget.tests.test_identity import token

WORDS = "the third pylon"


@pytest.fixture
def secret(page, world):
    _, found = renew_identity_secret(page.widget, actor=acting(world.editor))
    return found


@pytest.fixture
def ada(page, secret):
    """Somebody known who has said something, of whom a guard and they themselves had to say it."""
    page.identity = token(page, secret, sub="customer-ada")
    page.begin(identity=page.identity)
    _, _, (_, done) = told(page, f"Herons nest on {WORDS}", identity=page.identity)
    judged = {"message_id": done["message_id"], "is_helpful": False, "reason": WORDS}
    assert page.ask("feedback", {"identity": page.identity, **judged}).status_code == 200
    GuardEvent.objects.create(
        call_id=InferenceLog.objects.get().call_id,
        project=page.widget.project,
        guard_name="Guard",
        stage="input",
        outcome="warned",
        latency_ms=1,
        text=WORDS,
    )
    return page


def grace(page, secret):
    """Somebody else whom the website knows."""
    other = Page(page.widget, page.key)
    other.identity = token(page, secret, sub="customer-grace")
    other.begin(identity=other.identity)
    told(other, "Hello", identity=other.identity)
    return other


def test_no_word_of_theirs_is_left_and_others_keep_theirs(ada, secret, world):
    grace(ada, secret)
    assert forget_visitor(ada.widget, "customer-ada", actor=acting(world.editor)) == 1
    assert tables_holding(WORDS) == []
    assert Visitor.objects.count() == VisitorSession.objects.count() == 1
    assert Conversation.objects.get().title == "Hello"
    assert not Feedback.objects.exists()
    # The numbers stay, for budgets and statistics.
    assert (InferenceLog.objects.count(), UsageRecord.objects.count()) == (2, 2)
    assert GuardEvent.objects.count() == 1


def test_the_trail_says_that_it_was_done_and_not_whom(ada, world):
    forget_visitor(ada.widget, "customer-ada", actor=acting(world.editor))
    entry = Entry.objects.get(action="widget.forget_visitor")
    assert (entry.actor_id, entry.target_id) == (world.editor.pk, str(ada.widget.pk))
    assert entry.changes == {"conversations": {"before": 1, "after": 0}}
    assert tables_holding("customer-ada") == []


def test_words_of_calls_that_the_log_holds_no_more_go_from_findings(ada, world):
    InferenceLog.objects.all().delete()
    forget_visitor(ada.widget, "customer-ada", actor=acting(world.editor))
    assert tables_holding(WORDS) == []


def test_whoever_is_not_there_is_told_as_such(ada, world):
    other, _ = create_widget(
        world.project, name="Other", allowed_origins=[SITE], actor=acting(world.editor)
    )
    for widget, subject in ((ada.widget, "nobody"), (ada.widget, ""), (other, "customer-ada")):
        with pytest.raises(NotFound):
            forget_visitor(widget, subject, actor=acting(world.editor))
    assert Visitor.objects.count() == 1


def test_unknown_visitors_have_no_name_to_be_forgotten_by(page, world):
    page.begin()
    told(page)
    with pytest.raises(NotFound):
        forget_visitor(page.widget, "", actor=acting(world.editor))
    assert Conversation.objects.count() == 1


@pytest.mark.parametrize("name", ["viewer", "outsider"])
def test_nobody_but_editors_forgets(ada, world, name):
    with pytest.raises(Forbidden):
        forget_visitor(ada.widget, "customer-ada", actor=acting(getattr(world, name)))
    assert Visitor.objects.count() == 1


def test_whoever_comes_again_begins_anew(ada, world):
    forget_visitor(ada.widget, "customer-ada", actor=acting(world.editor))
    assert refused(ada, identity=ada.identity) == (401, "session_ended")
    ada.begin(identity=ada.identity)
    listed = ada.ask("conversations", {"identity": ada.identity}).json()
    assert listed == {"conversations": []}


def test_a_question_that_was_let_in_before_is_not_kept_after(ada, world, monkeypatch):
    # The visitor is found as ever; what comes between that and the answer is what is tried.
    find = public.sessions.find

    def found_and_then_forgotten(*given):
        found = find(*given)
        forget_visitor(ada.widget, "customer-ada", actor=acting(world.editor))
        return found

    monkeypatch.setattr(public.sessions, "find", found_and_then_forgotten)
    assert refused(ada, f"And on {WORDS}", identity=ada.identity) == (401, "session_ended")
    assert not Conversation.objects.exists()
    assert tables_holding(WORDS) == []


def test_by_the_page_and_the_api(ada, secret, world, as_user):
    grace(ada, secret)
    browser = as_user(world.editor)
    path = f"/projects/{world.project.pk}/widgets/{ada.widget.pk}"
    answer = browser.post(f"{path}/forget", {"subject": "customer-ada"}, follow=True)
    assert "The visitor is forgotten, with 1 conversation." in answer.content.decode()
    answer = browser.post(f"{path}/forget", {"subject": "customer-ada"}, follow=True)
    assert "or they are forgotten already." in answer.content.decode()
    answer = browser.post(f"{path}/forget", {"subject": ""}, follow=True)
    assert "Enter what your website calls the visitor." in answer.content.decode()
    answer = browser.post(f"/api{path}/forget", {"subject": "customer-grace"}, "application/json")
    assert (answer.status_code, answer.json()) == (200, {"conversations": 1})
    assert not Visitor.objects.exists()
