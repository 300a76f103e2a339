"""What the security posture asks of the audit trail."""

from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from audit.chain.checkpoints import BadCheckpoint, is_in_chain, told
from audit.forwarding.destinations import destinations
from audit.forwarding.section import ForwardingSection
from audit.models import DeadLetter, Delivery, Entry, Unsealed, Verification
from restai_site.lib.configuration import current
from restai_site.lib.posture import (
    Area,
    Finding,
    State,
    check,
    command,
    failed,
    good,
    page,
    variable,
    words,
)

TABLE = Entry._meta.db_table
SEALED_WITHIN = timedelta(minutes=1)
FORWARDED_WITHIN = timedelta(hours=1)
# It is verified once a day.
VERIFIED_WITHIN = timedelta(days=2)
# Made by the migration 0002 of this app.
TRIGGERS = ("audit_entry_append_only", "audit_entry_no_truncate")
# pg_trigger.tgenabled: fires for ordinary sessions ("origin"), or always.
FIRING = frozenset({"O", "A"})
RIGHTS = """
    SELECT pg_has_role(relowner, 'MEMBER'),
           array_remove(ARRAY[
               CASE WHEN has_any_column_privilege(oid, 'UPDATE') THEN 'change' END,
               CASE WHEN has_table_privilege(oid, 'DELETE') THEN 'delete' END,
               CASE WHEN has_table_privilege(oid, 'TRUNCATE') THEN 'truncate' END,
               CASE WHEN has_table_privilege(oid, 'TRIGGER') THEN 'add triggers to' END
           ], NULL)
    FROM pg_class WHERE oid = %s::regclass
"""
REFUSING = """
    SELECT tgname::text, tgenabled::text
    FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE tgrelid = %s::regclass AND NOT tgisinternal AND prosrc LIKE '%%RAISE EXCEPTION%%'
"""


@check("audit-seal", "Seal of the audit trail", Area.AUDIT, State.WARNING)
def seal() -> Finding:
    waiting = Entry.objects.filter(pk__in=Unsealed.objects.values("entry_id"))
    late = waiting.filter(created_at__lt=timezone.now() - SEALED_WITHIN).count()
    if late:
        reason = f"{late} audit entries wait for their seal: see whether the worker runs."
        return failed(reason, command("python manage.py verify_audit"))
    if not settings.AUDIT_CHECKPOINT_FILE:
        reason = "The seals are told nowhere outside the database: a cut end would not show."
        return failed(reason, variable("AUDIT_CHECKPOINT_FILE"))
    return good("Entries are sealed, and the newest seal is told outside the database.")


@check("audit-checkpoint", "Checkpoint of the audit trail", Area.AUDIT, State.CRITICAL)
def checkpoint() -> Finding:
    remedy = command("python manage.py verify_audit")
    try:
        mark = told()
    except (BadCheckpoint, OSError) as error:
        return failed(f"The checkpoint of the audit trail cannot be believed: {error}", remedy)
    if mark is None:
        return good("No checkpoint was told that the chain would contradict.")
    if not is_in_chain(mark):
        return failed(f"Seal {mark.number}, as told outside, is not in the database.", remedy)
    return good(f"The chain holds seal {mark.number}, as it was told outside the database.")


@check("audit-forwarding", "Forwarding of the audit trail", Area.AUDIT, State.WARNING)
def forwarding() -> Finding:
    page_of_it = page("Open Forwarding", "audit:forwarding")
    aside = DeadLetter.objects.count()
    if aside:
        reason = words(
            aside, "A seal of the trail was laid aside.", "{} seals of the trail were laid aside."
        )
        return failed(f"{reason} A destination would not take it.", page_of_it)
    chosen = [one.kind for one in destinations(current(ForwardingSection))]
    if not chosen:
        reason = "The trail is sent to no place that the database's owner does not control."
        return failed(reason, page_of_it, state=State.ADVICE)
    late = timezone.now() - FORWARDED_WITHIN
    behind = Delivery.objects.filter(kind__in=chosen, attempts__gt=0)
    if behind.filter(Q(delivered_at=None) | Q(delivered_at__lt=late)).exists():
        return failed("A destination has not taken anything for an hour.", page_of_it)
    return good(f"The trail is sent to {' and '.join(chosen)}.")


@check("audit-verified", "Verification of the audit trail", Area.AUDIT, State.CRITICAL)
def verified() -> Finding:
    remedy = command("python manage.py verify_audit")
    last = Verification.objects.filter(finished_at__isnull=False).first()
    if last is not None and not last.holds:
        return failed(f"The audit trail does not hold. {last.first_problem}", remedy)
    at = last.finished_at if last else None
    if last is None or at is None or at < timezone.now() - VERIFIED_WITHIN:
        reason = "The audit trail has not been verified for two days: see whether beat runs."
        return failed(reason, remedy, state=State.WARNING)
    return good(f"All {last.entries} sealed entries are as they were written.")


@check("audit-triggers", "Append-only audit trail", Area.AUDIT, State.CRITICAL)
def triggers() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute(REFUSING, [TABLE])
        found = dict(cursor.fetchall())
    missing = [name for name in TRIGGERS if name not in found]
    if missing:
        reason = f"The database does not refuse to change the trail: {_named(missing)} missing."
        return failed(reason, command("python manage.py sqlmigrate audit 0002", "Make as in"))
    resting = [name for name in TRIGGERS if found[name] not in FIRING]
    if resting:
        reason = f"The database does not refuse to change the trail: {_named(resting)} disabled."
        return failed(reason, command(f"ALTER TABLE {TABLE} ENABLE TRIGGER ALL", "Run as owner"))
    return good(f"The database refuses to change and to empty the trail: {_named(TRIGGERS)} on.")


@check("audit-role", "Rights on the audit trail", Area.AUDIT, State.CRITICAL)
def rights() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute(RIGHTS, [TABLE])
        owns, verbs = cursor.fetchone()
    remedy = command("python manage.py grant_web_role ROLE", "As owner, for a role of its own")
    if owns:
        reason = "The role that serves owns the trail: it could drop what protects it."
        return failed(reason, remedy)
    if verbs:
        return failed(f"The role that serves may {', '.join(verbs)} the trail.", remedy)
    return good("The role that serves may add to the trail and read it, no more.")


def _named(names: list[str] | tuple[str, ...]) -> str:
    verb = "is" if len(names) == 1 else "are"
    return f"{' and '.join(names)} {verb}"
