"""The chain as JSON lines, for whoever verifies it elsewhere: docs/audit.md, “Exports”."""

from collections.abc import Iterator
from typing import Any

import orjson
from django.utils import timezone

from audit.chain import content, reading
from audit.chain.keys import public_keys
from audit.chain.verifying import StoredRow, StoredSeal

FORMAT = "restai audit export 1"


def lines() -> Iterator[bytes]:
    """Yield the lines of an export, as of one moment. What waits for its seal is not in it."""
    with reading.one_moment():
        yield _line(
            {
                "format": FORMAT,
                "exported_at": content.moment(timezone.now()),
                "public_keys": {name: key.hex() for name, key in public_keys().items()},
            }
        )
        for cut in reading.stored_cuts():
            yield _line({"cut": {**cut.said, "signature": cut.signature}})
        seals = entries = 0
        for seal in reading.stored_seals():
            seals += 1
            entries += len(seal.rows)
            yield _line({"seal": _seal(seal)})
            found = (seal.rows.get(number) for number in seal.entry_ids)
            yield from (_entry(row) for row in found if row is not None)
        yield _line({"end": {"seals": seals, "entries": entries}})


def _seal(seal: StoredSeal) -> dict[str, Any]:
    return {
        "number": seal.number,
        "sealed_at": seal.sealed_at,
        "entries": list(seal.entry_ids),
        "leaves": seal.leaves.hex(),
        "previous": seal.previous,
        "key": seal.key_id,
        "hash": seal.hash,
        "signature": seal.signature,
    }


def _entry(row: StoredRow) -> bytes:
    # The content is put in as it is digested, so that nobody has to write it the same way again.
    marks = {} if row.erased is None else {"erased": row.erased}
    head = orjson.dumps({"id": row.id, "mac": row.mac, **marks}).decode()
    return f'{{"entry":{head},"content":{row.content.decode()}}}\n'.encode()


def _line(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value) + b"\n"
