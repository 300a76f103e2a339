"""Sealing: rows that wait are put into the chain, in batches, beside those who write.

Writers do not wait for one another: a trigger puts each new row's number into a queue, in the
transaction that writes it, and one sealer at a time takes what has been committed.
"""

import logging
from collections.abc import Sequence

from django.db import connection, transaction
from django.utils import timezone

from audit.chain import content
from audit.chain.keys import AuditKey, keys, newest
from audit.models import Entry, Seal

log = logging.getLogger(__name__)
# The two numbers of the advisory lock that one sealer holds.
SEALER = (720_369, 0)
BATCH = 2_000
TAKE = """
    DELETE FROM audit_unsealed WHERE entry_id IN (
        SELECT entry_id FROM audit_unsealed ORDER BY entry_id LIMIT %s
    ) RETURNING entry_id
"""


def seal_waiting() -> Seal | None:
    """Seal all rows that wait; return the last seal made, or None where none was.

    Does nothing while another process seals.
    """
    last = None
    while (seal := _seal_batch()) is not None:
        last = seal
        if len(seal.entry_ids) < BATCH:
            break
    return last


@transaction.atomic
def _seal_batch() -> Seal | None:
    if not _is_only_sealer():
        return None
    ids = _taken()
    return _appended(ids, _leaves(ids)) if ids else None


def _leaves(ids: Sequence[int]) -> list[bytes]:
    known, leaves = keys(), []
    entries = Entry.objects.in_bulk(ids)
    for number in ids:
        entry = entries.get(number)
        if entry is None:
            # It was committed together with its place in the queue, so somebody has removed it. Its
            # number goes into the chain all the same: verifying says for ever that it is gone.
            log.critical("Audit entry %s was removed while it waited for its seal.", number)
            leaves.append(content.NO_LEAF)
            continue
        said = content.row_content(content.row_of(entry))
        if not is_authentic(known, entry.mac, said):
            # Sealed as well, for the same reason.
            log.critical("Audit entry %s was not written by this platform.", number)
        leaves.append(content.leaf(number, entry.mac, said))
    return leaves


def _appended(entry_ids: list[int], leaves: Sequence[bytes]) -> Seal:
    before = Seal.objects.order_by("-number").only("number", "hash").first()
    key, now = newest(), timezone.now()
    number = before.number + 1 if before else 1
    previous = before.hash if before else content.GENESIS
    said = content.seal_content(
        number=number,
        sealed_at=content.moment(now),
        entries=entry_ids,
        root=content.root(leaves),
        previous=previous,
        key=key.id,
    )
    digest = content.seal_hash(said)
    return Seal.objects.create(
        number=number,
        sealed_at=now,
        entry_ids=entry_ids,
        leaves=b"".join(leaves),
        previous=previous,
        hash=digest,
        key_id=key.id,
        signature=key.sign(content.signed(digest)),
    )


def is_authentic(known: Sequence[AuditKey], mac: str, said: bytes) -> bool:
    """Tell whether one of the keys has made `mac` of what a row says."""
    return any(content.is_same(key.mac(said), mac) for key in known)


def _is_only_sealer() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", SEALER)
        return bool(cursor.fetchone()[0])


def _taken() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [BATCH])
        return sorted(row[0] for row in cursor.fetchall())
