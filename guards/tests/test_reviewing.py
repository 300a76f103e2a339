"""Reviews of findings: who may say what, what the trail keeps of it, and two at the same time."""

import pytest

from audit.models import Entry
from guards.filters import Filters
from guards.models import GuardEvent
from guards.periods import ZonedPeriod
from guards.reviewing import review, withdraw_review
from guards.statistics import Statistics
from guards.tests.events import event
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.tests.parallel import at_once
from restai_site.tests.world import acting

TEXT, NOTE = "The text that was blocked", "It quotes the text that was blocked"
REVIEW, WITHDRAW = "guard_event.review", "guard_event.withdraw_review"


@pytest.fixture
def finding(world):
    return event(world.project, text=TEXT, reason="A reason")


def said(finding):
    row = GuardEvent.objects.get(pk=finding.pk)
    return row.review, row.review_note, row.reviewed_by_id, row.reviewed_at is not None


def entries():
    return list(Entry.objects.filter(action__startswith="guard_event.").order_by("id"))


@pytest.mark.parametrize("who", ["editor", "team_admin", "platform_admin"])
def test_those_who_see_a_finding_review_it(world, finding, who):
    person = getattr(world, who)
    review(finding, verdict="right", note=f" {NOTE} ", actor=acting(person))
    assert said(finding) == ("right", NOTE, person.pk, True)


@pytest.mark.parametrize("who", ["viewer", "member", "outsider", "outsider_admin"])
def test_others_do_not(world, finding, who):
    for attempt in (
        lambda: review(finding, verdict="right", actor=acting(getattr(world, who))),
        lambda: withdraw_review(finding, actor=acting(getattr(world, who))),
    ):
        with pytest.raises(Forbidden):
            attempt()
    assert said(finding) == ("", "", None, False)
    assert entries() == []


def test_a_review_is_changed_and_withdrawn_and_each_is_recorded(world, finding):
    review(finding, verdict="right", actor=acting(world.editor))
    review(finding, verdict="wrong", note=NOTE, actor=acting(world.team_admin))
    assert said(finding) == ("wrong", NOTE, world.team_admin.pk, True)
    withdraw_review(finding, actor=acting(world.editor))
    assert said(finding) == ("", "", None, False)
    assert [(one.action, one.actor_email, one.team_id) for one in entries()] == [
        (REVIEW, "editor@example.org", world.alpha.pk),
        (REVIEW, "team-admin@example.org", world.alpha.pk),
        (WITHDRAW, "editor@example.org", world.alpha.pk),
    ]
    assert entries()[1].changes == {
        "review": {"before": "right", "after": "wrong"},
        "review_note": "changed",
    }
    assert entries()[2].changes["review"] == {"before": "wrong", "after": ""}


def test_the_trail_keeps_neither_the_text_nor_the_note(world, finding):
    review(finding, verdict="right", note=NOTE, actor=acting(world.editor))
    withdraw_review(finding, actor=acting(world.editor))
    kept = str(list(Entry.objects.values()))
    assert TEXT not in kept
    assert NOTE not in kept
    assert "A reason" not in kept


def test_the_same_again_changes_nothing(world, finding):
    first = review(finding, verdict="right", note=NOTE, actor=acting(world.editor))
    again = review(finding, verdict="right", note=NOTE, actor=acting(world.editor))
    assert again.reviewed_at == first.reviewed_at
    assert len(entries()) == 1
    withdraw_review(finding, actor=acting(world.editor))
    withdraw_review(finding, actor=acting(world.editor))
    assert len(entries()) == 2


def test_the_same_of_somebody_else_is_theirs(world, finding):
    review(finding, verdict="right", actor=acting(world.editor))
    review(finding, verdict="right", actor=acting(world.team_admin))
    assert said(finding)[2] == world.team_admin.pk
    assert len(entries()) == 2


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"verdict": ""}, "verdict"),
        ({"verdict": "Right"}, "verdict"),
        ({"verdict": "right", "note": "x" * 501}, "note"),
        ({"verdict": "right", "note": "a\0b"}, "note"),
    ],
)
def test_nonsense_is_refused_by_the_field(world, finding, values, field):
    with pytest.raises(Invalid) as refused:
        review(finding, actor=acting(world.editor), **values)
    assert list(refused.value.fields) == [field]
    assert said(finding) == ("", "", None, False)


@pytest.mark.parametrize("outcome", ["failed_closed", "failed_open"])
def test_where_no_judgement_was_given_there_is_none_to_review(world, outcome):
    failed = event(world.project, outcome=outcome, category="", failure="timeout")
    with pytest.raises(Conflict):
        review(failed, verdict="right", actor=acting(world.editor))
    assert said(failed) == ("", "", None, False)


def test_what_passed_can_be_wrong_and_counts_as_missed(world, finding):
    passed = event(world.project, outcome="passed", category="")
    review(finding, verdict="right", actor=acting(world.editor))
    review(passed, verdict="wrong", actor=acting(world.editor))
    rows = Filters(project=world.project.pk).rows(acting(world.editor))
    totals = Statistics(rows, ZonedPeriod.of("7d")).totals
    assert (totals.precision, totals.recall) == (1.0, 0.5)
    withdraw_review(passed, actor=acting(world.editor))
    assert Statistics(rows, ZonedPeriod.of("7d")).totals.recall == 1.0


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_holds_and_both_are_recorded(world):
    finding = event(world.project)
    verdicts = {world.editor: "right", world.team_admin: "wrong"}
    at_once(
        *(
            lambda person=person, verdict=verdict: review(
                finding, verdict=verdict, note=verdict, actor=acting(person)
            )
            for person, verdict in verdicts.items()
        )
    )
    verdict, note, person, _ = said(finding)
    last = entries()[-1]
    assert len(entries()) == 2
    assert (verdict, note) == (last.changes["review"]["after"],) * 2
    assert person == last.actor_id
    # The second saw what the first had said.
    assert last.changes["review"]["before"] == entries()[0].changes["review"]["after"]
