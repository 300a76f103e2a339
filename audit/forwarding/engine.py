"""Sending seals in their order, again and again until they are taken, or laid aside."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audit.forwarding.destinations import Destination, SendFailed, destinations
from audit.forwarding.events import Batch
from audit.forwarding.models import DeadLetter, Delivery
from audit.forwarding.section import ForwardingSection
from audit.models import Seal
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.background import enqueue
from restai_site.lib.configuration import current
from restai_site.lib.errors import Conflict, Forbidden

log = logging.getLogger(__name__)
# Longer than any sending takes.
LEASE = timedelta(minutes=2)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(hours=1)
# About half a day of trying.
ATTEMPTS_MAX = 18
# So many seals of one destination at once; what is left waits for the next round.
SEALS_MAX = 200


def forward() -> int:
    """Send what each destination has not got yet; return how many seals were taken."""
    section = current(ForwardingSection)
    return sum(_catch_up(one, section) for one in destinations(section))


@transaction.atomic
def ask_again(letter: DeadLetter, *, actor: Actor) -> None:
    """Have a dead letter sent again in the background; audited. Raises Forbidden."""
    if not actor.is_platform_admin:
        raise Forbidden("Only platform administrators may have it sent again.")
    record(actor, "audit.forward_again", letter, changes={"seal": letter.number})
    # The tasks import this module.
    from audit.tasks import send_again

    enqueue(send_again, letter.pk)


def resend(letter_id: int) -> bool:
    """Send a dead letter; it is forgotten once it was taken. Raises Conflict, SendFailed."""
    letter = DeadLetter.objects.filter(pk=letter_id).first()
    if letter is None:
        return False
    section = current(ForwardingSection)
    chosen = {one.kind: one for one in destinations(section)}
    if letter.kind not in chosen:
        raise Conflict("This destination is not set up any more.")
    try:
        _send(chosen[letter.kind], letter.number, section)
    except SendFailed as error:
        letter.error, letter.failed_at = error.message[:300], timezone.now()
        letter.save(update_fields=["error", "failed_at"])
        raise
    letter.delete()
    return True


def _catch_up(destination: Destination, section: ForwardingSection) -> int:
    taken = 0
    while taken < SEALS_MAX:
        delivery = _claimed(destination.kind)
        if delivery is None:
            break
        number = _next(delivery)
        if number is None:
            _settle(delivery, next_try_at=timezone.now())
            break
        try:
            _send(destination, number, section)
        except SendFailed as error:
            _note_failure(delivery, number, error)
            break
        now = timezone.now()
        _settle(
            delivery,
            delivered_until=number,
            delivered_at=now,
            attempts=0,
            next_try_at=now,
            last_error="",
        )
        taken += 1
    return taken


def _claimed(kind: str) -> Delivery | None:
    """Return the row of a destination that this process alone may send to now, or None.

    A new destination begins with the seal that comes next.
    """
    now = timezone.now()
    begins: dict[str, Any] = {"delivered_until": newest_number}
    Delivery.objects.get_or_create(kind=kind, defaults=begins)
    mine = Delivery.objects.filter(kind=kind, next_try_at__lte=now)
    if not mine.update(next_try_at=now + LEASE):
        return None
    return Delivery.objects.get(kind=kind)


def newest_number() -> int:
    """Return the number of the newest seal; 0 where there is none."""
    return Seal.objects.aggregate(newest=Max("number"))["newest"] or 0


def _next(delivery: Delivery) -> int | None:
    later = Seal.objects.filter(number__gt=delivery.delivered_until)
    return later.order_by("number").values_list("number", flat=True).first()


def _send(destination: Destination, number: int, section: ForwardingSection) -> None:
    seal = Seal.objects.get(number=number)
    destination.send(Batch.of_seal(seal, with_entries=section.entries))


def _note_failure(delivery: Delivery, number: int, error: SendFailed) -> None:
    """Try again later, or lay the seal aside and go on with the next."""
    attempts, now = delivery.attempts + 1, timezone.now()
    message = error.message[:300]
    if attempts < ATTEMPTS_MAX:
        wait = _wait(attempts)
        _settle(delivery, attempts=attempts, next_try_at=now + wait, last_error=message)
        return
    log.critical("Seal %s was not taken by the %s and is laid aside.", number, delivery.kind)
    with transaction.atomic():
        defaults = {"error": message, "failed_at": now}
        DeadLetter.objects.update_or_create(kind=delivery.kind, number=number, defaults=defaults)
        _settle(delivery, delivered_until=number, attempts=0, next_try_at=now, last_error=message)


def _wait(attempts: int) -> timedelta:
    seconds = FIRST_WAIT.total_seconds() * 2.0 ** (attempts - 1)
    return min(timedelta(seconds=seconds), LONGEST_WAIT)


def _settle(delivery: Delivery, **values: datetime | int | str) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(**values)
