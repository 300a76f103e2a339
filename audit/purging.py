"""Removing old entries, in two steps, so that verifying holds over the cut.

Somebody asks, somebody confirms: another at once, or the same after a day. What is younger than
AUDIT_MIN_DAYS stays whoever asks, so nobody removes their own last acts: what they ask and confirm
is among them. Confirming signs a `Cut`; the entries go after that, seal by seal, and a removal that
is killed goes on. Seals stay.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Func, IntegerField, Sum
from django.utils import timezone

from audit.chain import content
from audit.chain.keys import newest
from audit.models import Cut, Removal, Seal
from audit.sections import AuditSection
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.background import enqueue
from restai_site.lib.configuration import current
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.lib.steps import in_steps

log = logging.getLogger(__name__)
State = Removal.State
ALONE_AFTER = timedelta(days=1)
FOR_PEOPLE = "Old entries are removed by platform administrators who are signed in as themselves."
TOO_SOON = (
    "Whoever has asked confirms after a day at the earliest; another platform administrator at "
    "once."
)
BY_CLOCK = Actor.system("retention")
Counted = Func(F("entry_ids"), function="cardinality", output_field=IntegerField())


@transaction.atomic
def ask(before: datetime, *, actor: Actor) -> Removal:
    """Ask for the entries of before a moment to be removed; audited. Nothing goes by this.

    Raises Forbidden, Invalid (too young, or nothing is so old), Conflict (one is not finished).
    """
    _require_admin(actor)
    _lock()
    youngest = timezone.now() - timedelta(days=settings.AUDIT_MIN_DAYS)
    if before > youngest:
        message = f"Entries are kept for {settings.AUDIT_MIN_DAYS} days at least."
        raise Invalid(message, fields={"before": [message]})
    if Removal.objects.filter(state__in=Removal.UNFINISHED).exists():
        raise Conflict("Another removal is not finished; confirm or withdraw it first.")
    last = Seal.objects.filter(sealed_at__lt=before).order_by("-number").first()
    after = _cut_until()
    if last is None or last.number <= after:
        message = "No sealed entry is so old."
        raise Invalid(message, fields={"before": [message]})
    seals = Seal.objects.filter(number__gt=after, number__lte=last.number)
    made: Removal = Removal.objects.create(
        before=before,
        number=last.number,
        entries=seals.aggregate(sum=Sum(Counted))["sum"],
        asked_by_id=actor.user_id,
        asked_by=actor.email or actor.credential,
    )
    changes = {"before": before, "entries": made.entries, "seals_until": made.number}
    record(actor, "audit.purge_ask", made, changes=changes)
    return made


@transaction.atomic
def confirm(removal: Removal, *, actor: Actor) -> Removal:
    """Have what was asked for removed, in the background; audited. Signs the cut.

    Raises Forbidden, Conflict (it does not wait any more).
    """
    row = _waiting(removal, actor)
    if actor.user_id == row.asked_by_id and timezone.now() < row.asked_at + ALONE_AFTER:
        raise Forbidden(TOO_SOON)
    _answer(row, State.CONFIRMED, actor)
    _sign(row, actor)
    record(actor, "audit.purge_confirm", row, changes={"entries": row.entries})
    # The tasks import this module.
    from audit.tasks import purge

    enqueue(purge, row.pk)
    return row


@transaction.atomic
def withdraw(removal: Removal, *, actor: Actor) -> Removal:
    """Leave the entries where they are; audited. Raises Forbidden, Conflict."""
    row = _waiting(removal, actor)
    _answer(row, State.WITHDRAWN, actor)
    record(actor, "audit.purge_withdraw", row)
    return row


def run(removal_id: int) -> int:
    """Remove the entries of a confirmed removal; return how many are gone. May be repeated."""
    in_steps(lambda: step(removal_id))
    row = Removal.objects.filter(pk=removal_id).first()
    return row.removed if row else 0


@transaction.atomic
def step(removal_id: int) -> bool:
    """Remove the entries of one seal, or end. Return whether there is more to do."""
    row = Removal.objects.select_for_update().filter(pk=removal_id).first()
    if row is None or row.state != State.CONFIRMED:
        return False
    following = Seal.objects.filter(number__gt=row.removed_until, number__lte=row.number)
    number = following.order_by("number").values_list("number", flat=True).first()
    if number is None:
        row.state, row.done_at = State.DONE, timezone.now()
        row.save(update_fields=["state", "done_at"])
        changes = {"before": row.before, "entries": row.removed, "seals_until": row.number}
        record(BY_CLOCK, "audit.purge", row, changes=changes)
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_remove_entries(%s)", [number])
        row.removed += cursor.fetchone()[0]
    row.removed_until = number
    row.save(update_fields=["removed", "removed_until"])
    return True


def look_after() -> None:
    """Go on with a removal that was killed; ask for one where the settings say for how long."""
    for unfinished in Removal.objects.filter(state=State.CONFIRMED):
        run(unfinished.pk)
    days = current(AuditSection).days
    if not days or Removal.objects.filter(state=State.WAITING).exists():
        return
    before = timezone.now() - timedelta(days=days)
    if Seal.objects.filter(number__gt=_cut_until(), sealed_at__lt=before).exists():
        ask(before, actor=BY_CLOCK)


def _sign(row: Removal, actor: Actor) -> None:
    """Sign the cut. It is for ever, so it names accounts by their numbers."""
    seal, key = Seal.objects.only("number", "hash").get(number=row.number), newest()
    cut = Cut(
        number=seal.number,
        hash=seal.hash,
        entries=row.entries,
        cut_at=timezone.now(),
        asked_by=_numbered(row.asked_by_id) or row.asked_by,
        confirmed_by=_numbered(actor.user_id) or actor.credential,
        key_id=key.id,
    )
    cut.signature = key.sign(content.signed_cut(content.cut_content(content.cut_of(cut))))
    cut.save(force_insert=True)


def _numbered(user_id: int | None) -> str:
    return f"user {user_id}" if user_id else ""


def _waiting(removal: Removal, actor: Actor) -> Removal:
    _require_admin(actor)
    row: Removal = Removal.objects.select_for_update().get(pk=removal.pk)
    if not row.is_waiting:
        raise Conflict("This removal does not wait for an answer any more.")
    return row


def _answer(row: Removal, state: State, actor: Actor) -> None:
    row.state, row.answered_at = state, timezone.now()
    row.answered_by = actor.email or actor.credential
    row.save(update_fields=["state", "answered_at", "answered_by"])


def _require_admin(actor: Actor) -> None:
    if not (actor.is_platform_admin and actor.handles_credentials):
        raise Forbidden(FOR_PEOPLE)


def _cut_until() -> int:
    last = Cut.objects.order_by("-number").only("number").first()
    return last.number if last else 0


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", (720_369, 2))
