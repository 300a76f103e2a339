"""The newest seal, told outside the database: what makes a cut tail and an emptied table show.

A checkpoint is one JSON object: number, hash, sealed_at, key (its id), public_key and signature.
docs/audit.md says how to check it.
"""

import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings

from audit.chain import content
from audit.chain.keys import is_signed, key_id, public_keys
from audit.models import Seal


class BadCheckpoint(ValueError):
    """What should be a checkpoint is none, or nobody with the key has signed it."""


class Discontinued(Exception):
    """The chain in the database is not the one that was told outside."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A seal as it is told outside. Public key and signature are in hex."""

    number: int
    hash: str
    sealed_at: str
    key: str
    public_key: str
    signature: str

    def to_json(self) -> bytes:
        """Return it as one line."""
        return orjson.dumps(asdict(self)) + b"\n"


def checkpoint_of(seal: Seal) -> Checkpoint:
    """Return what is told of a seal."""
    return Checkpoint(
        number=seal.number,
        hash=seal.hash,
        sealed_at=content.moment(seal.sealed_at),
        key=seal.key_id,
        public_key=public_keys().get(seal.key_id, b"").hex(),
        signature=seal.signature,
    )


def tell(seal: Seal) -> None:
    """Write the seal to AUDIT_CHECKPOINT_FILE, at once and whole.

    Raises Discontinued where the chain does not hold what was told last: that stays the mark, or a
    table that was emptied would be forgotten once its new chain is long enough. Raises OSError,
    BadCheckpoint.
    """
    if not settings.AUDIT_CHECKPOINT_FILE:
        return
    before = told()
    if before is not None:
        if not is_in_chain(before):
            raise Discontinued(f"Seal {before.number} was told outside and is not in the chain.")
        if before.number >= seal.number:
            return
    _replace(Path(settings.AUDIT_CHECKPOINT_FILE), checkpoint_of(seal).to_json())


def is_in_chain(mark: Checkpoint) -> bool:
    """Tell whether the tables hold the seal that was told outside."""
    return Seal.objects.filter(number=mark.number, hash=mark.hash).exists()


def told() -> Checkpoint | None:
    """Return what stands in AUDIT_CHECKPOINT_FILE, or None. Raises BadCheckpoint, OSError."""
    path = Path(settings.AUDIT_CHECKPOINT_FILE)
    if not settings.AUDIT_CHECKPOINT_FILE or not path.exists():
        return None
    return read(path.read_bytes(), public_keys())


def read(text: bytes, trusted: dict[str, bytes]) -> Checkpoint:
    """Return the checkpoint in `text`, signed by one of the `trusted` keys (by their names).

    Raises BadCheckpoint.
    """
    try:
        value: dict[str, Any] = orjson.loads(text)
        found = Checkpoint(**value)
    except (orjson.JSONDecodeError, TypeError):
        raise BadCheckpoint("The file holds no checkpoint.") from None
    public = trusted.get(found.key)
    if public is None or key_id(public) != found.key:
        raise BadCheckpoint("The checkpoint is signed by a key that is not in AUDIT_KEY.")
    if not is_signed(public, content.signed(found.hash), found.signature):
        raise BadCheckpoint("The signature of the checkpoint does not hold.")
    return found


def _replace(path: Path, data: bytes) -> None:
    """Replace a file so that whoever reads it sees the old or the new one, also after a crash."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
