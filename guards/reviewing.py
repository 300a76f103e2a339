"""What people say of a guard's judgement: right or wrong.

Reviews are what precision and recall are worked out from (`guards.statistics`).
"""

from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.services import changes_of, record
from guards.models import GuardEvent
from guards.models.events import NOTE_MAX_LENGTH
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden, Invalid

CHOOSE = "Say whether the guard was right or wrong."
TOO_LONG = f"Shorten the note to {NOTE_MAX_LENGTH} characters."
NOT_TEXT = "The note holds a character that cannot be kept."
NO_JUDGEMENT = "The guard gave no judgement here, so there is nothing to review."
NOT_YOURS = "Only editors of the project and admins of its team review its findings."
FAILURES = frozenset({GuardEvent.Outcome.FAILED_CLOSED, GuardEvent.Outcome.FAILED_OPEN})


@transaction.atomic
def review(event: GuardEvent, *, verdict: str, note: str = "", actor: Actor) -> GuardEvent:
    """Say that a guard was `right` or `wrong`, in place of what was said before.

    Of what passed, wrong means that something should have been found. The same review of the same
    person again changes nothing. Of two people at once the later one holds, and both are recorded;
    neither the text nor the note is. Raises Forbidden, Invalid, Conflict (no judgement was given).
    """
    event = _locked(event, actor)
    if verdict not in GuardEvent.Review.values:
        raise Invalid(CHOOSE, fields={"verdict": [CHOOSE]})
    if event.outcome in FAILURES:
        raise Conflict(NO_JUDGEMENT)
    note = _checked(note)
    said = (event.review, event.review_note, event.reviewed_by_id)
    if said == (verdict, note, actor.user_id):
        return event
    return _say(event, verdict, note, actor, action="guard_event.review")


@transaction.atomic
def withdraw_review(event: GuardEvent, *, actor: Actor) -> GuardEvent:
    """Take back what was said of a guard's judgement, whoever said it. Raises Forbidden."""
    event = _locked(event, actor)
    if not event.review:
        return event
    return _say(event, "", "", actor, action="guard_event.withdraw_review")


def _locked(event: GuardEvent, actor: Actor) -> GuardEvent:
    found: GuardEvent = GuardEvent.objects.select_for_update(of=("self",)).get(pk=event.pk)
    if not GuardEvent.objects.editable_by(actor).filter(pk=event.pk).exists():
        raise Forbidden(NOT_YOURS)
    return found


def _checked(note: str) -> str:
    note = note.strip()
    if len(note) > NOTE_MAX_LENGTH:
        raise Invalid(TOO_LONG, fields={"note": [TOO_LONG]})
    if "\0" in note:
        raise Invalid(NOT_TEXT, fields={"note": [NOT_TEXT]})
    return note


def _say(event: GuardEvent, verdict: str, note: str, actor: Actor, *, action: str) -> GuardEvent:
    changes: dict[str, Any] = dict(changes_of(event, {"review": verdict}))
    if note != event.review_note:
        # A note may quote the text, which the trail would keep for ever.
        changes["review_note"] = "changed"
    event.review, event.review_note = verdict, note
    event.reviewed_by_id = actor.user_id if verdict else None
    event.reviewed_at = timezone.now() if verdict else None
    event.save(update_fields=["review", "review_note", "reviewed_by", "reviewed_at"])
    record(actor, action, event, team_id=event.team_id, changes=changes)
    return event
