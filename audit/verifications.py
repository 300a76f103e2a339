"""Verifications of the trail that run in the background: asked for, and once a day."""

import logging
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from audit.chain.checkpoints import BadCheckpoint, told
from audit.chain.trail import verify_trail
from audit.chain.verifying import as_dict
from audit.models import GIVEN_UP_AFTER, Verification
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.background import enqueue
from restai_site.lib.errors import Forbidden

log = logging.getLogger(__name__)
# The two numbers of the advisory lock of those who ask for one.
ASKING = (720_369, 1)
KEPT = 100
DAY = timedelta(days=1)


@transaction.atomic
def ask(*, actor: Actor) -> Verification:
    """Have the trail verified in the background; audited. One at a time: returns one that runs.

    Raises Forbidden.
    """
    if not actor.is_platform_admin:
        raise Forbidden("Only platform administrators may have the audit trail verified.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", ASKING)
    recent = timezone.now() - GIVEN_UP_AFTER
    running = Verification.objects.filter(finished_at=None, started_at__gte=recent).first()
    if running is not None:
        return running
    made: Verification = Verification.objects.create(asked_by=actor.email or actor.credential)
    record(actor, "audit.verify", made, name="Audit trail")
    # The tasks import this module.
    from audit.tasks import verify

    enqueue(verify, made.pk)
    return made


def run(verification_id: int) -> bool:
    """Verify, and keep what was found; return whether the trail holds.

    Delivered a second time, it verifies a second time: that changes nothing.
    """
    row = Verification.objects.filter(pk=verification_id).first()
    if row is None:
        # Forgotten meanwhile: newer ones have ended.
        return False
    try:
        mark = told()
        report = verify_trail([mark] if mark is not None else [])
    except (BadCheckpoint, OSError) as error:
        row.holds, row.failure = False, f"The checkpoint cannot be believed: {error}"[:500]
    else:
        found = as_dict(report)
        row.holds, row.failure = report.holds, ""
        row.entries, row.seals, row.waiting = report.entries, report.seals, report.waiting
        row.first_bad_entry = report.first_bad_entry
        row.problems, row.checkpoint = found["problems"], mark.number if mark else None
    row.finished_at = timezone.now()
    row.save()
    if not row.holds:
        log.critical("The audit trail does not hold: see the page Audit.")
    _forget_old()
    return bool(row.holds)


def _forget_old() -> None:
    """Keep the newest; that they were asked for is in the trail."""
    newest = Verification.objects.order_by("-pk").values_list("pk", flat=True)[:KEPT]
    Verification.objects.exclude(pk__in=list(newest)).delete()
