"""A sealed trail, and its owner's hands: what the owner of the database can do to it."""

from django.db import connection, transaction

from accounts.models import User
from audit.chain import content
from audit.chain.checkpoints import checkpoint_of
from audit.chain.keys import AuditKey
from audit.chain.sealing import seal_waiting
from audit.chain.trail import verify_trail
from audit.models import Entry, Seal
from audit.services import record
from restai_site.tests.world import SYSTEM


def write(count=1, **changes):
    """Record `count` acts, and return the entries."""
    with transaction.atomic():
        return [
            record(SYSTEM, "user.update", User, changes={"number": number, **changes})
            for number in range(count)
        ]


def sealed(*counts):
    """Seal batches of so many entries each; return the last seal as it is told outside."""
    for count in counts:
        write(count)
        last = seal_waiting()
    return checkpoint_of(last)


def sql(statement, values=()):
    """Do what only the owner can: with the triggers at rest."""
    with transaction.atomic(), connection.cursor() as cursor:
        for table in ("audit_entry", "audit_seal", "audit_cut"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, values)
        for table in ("audit_entry", "audit_seal", "audit_cut"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_no_truncate")


def rehash(key: AuditKey | None = None, signature="ab" * 64):
    """Make the whole chain anew over what is there, as somebody who knows how it is made."""
    previous = content.GENESIS
    for seal in Seal.objects.order_by("number"):
        rows = {entry.pk: entry for entry in Entry.objects.filter(pk__in=seal.entry_ids)}
        ids = [number for number in seal.entry_ids if number in rows]
        leaves = [
            content.leaf(pk, rows[pk].mac, content.row_content(content.row_of(rows[pk])))
            for pk in ids
        ]
        said = content.seal_content(
            number=seal.number,
            sealed_at=content.moment(seal.sealed_at),
            entries=ids,
            root=content.root(leaves),
            previous=previous,
            key=key.id if key else seal.key_id,
        )
        digest = content.seal_hash(said)
        made = key.sign(content.signed(digest)) if key else signature
        name = key.id if key else seal.key_id
        sql(
            "UPDATE audit_seal SET entry_ids = %s, leaves = %s, previous = %s, hash = %s,"
            " signature = %s, key_id = %s WHERE number = %s",
            [ids, b"".join(leaves), previous, digest, made, name, seal.number],
        )
        previous = digest


def found(*checkpoints):
    """Return what verifying finds, as (entry, seal, what)."""
    report = verify_trail(checkpoints)
    return [(one.entry, one.seal, one.what) for one in report.problems]
