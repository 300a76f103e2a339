"""The one form in which a row and a seal are digested: JSON, keys in order, no spaces, UTF-8.

Values are such that every JSON library writes them alike: see `audit.services.plain`.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from audit.models import Cut, Entry

MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"
FIELDS = (
    *("uid", "created_at", "actor_id", "actor_email", "credential", "impersonator_id"),
    *("impersonator_email", "action", "target_type", "target_id", "target_name", "team_id"),
    *("status", "ip", "user_agent", "request_id", "changes"),
)
# What comes before the digest in what is signed, so that no signature means anything else.
SEAL_CONTEXT = b"restai audit seal 1\n"
GENESIS = "0" * 64
# Stands for an entry that was removed before it was sealed.
NO_LEAF = bytes(32)


# And of the one of a cut.
CUT_CONTEXT = b"restai audit cut 1\n"
CUT_FIELDS = ("number", "hash", "entries", "cut_at", "asked_by", "confirmed_by", "key")


def moment(at: datetime) -> str:
    """Return a moment in UTC with microseconds."""
    return at.astimezone(UTC).strftime(MOMENT)


def row_of(entry: Entry) -> dict[str, Any]:
    """Return what a row says, as `row_content` takes it."""
    row = {name: getattr(entry, name) for name in FIELDS}
    return row | {"uid": str(entry.uid), "created_at": moment(entry.created_at)}


def row_content(row: Mapping[str, Any]) -> bytes:
    """Return what the row's own code (`mac`) is made of: all that it says."""
    return orjson.dumps({name: row[name] for name in FIELDS}, option=orjson.OPT_SORT_KEYS)


def is_same(first: str, second: str) -> bool:
    """Compare two codes in a time that tells nothing; whatever stands in the table may be text."""
    return hmac.compare_digest(first.encode(), second.encode("utf-8", "surrogatepass"))


def leaf(row_id: int, mac: str, content: bytes) -> bytes:
    """Return the digest by which a seal holds a row: of its number, its code and its content."""
    return hashlib.sha256(f"{row_id} {mac} ".encode() + content).digest()


def root(leaves: Iterable[bytes]) -> str:
    """Return the digest of all leaves of a seal, in hex."""
    return hashlib.sha256(b"".join(leaves)).hexdigest()


def seal_content(
    *, number: int, sealed_at: str, entries: Sequence[int], root: str, previous: str, key: str
) -> bytes:
    """Return what a seal's hash is made of; `entries` are the numbers of its rows, in order."""
    fields = {
        "number": number,
        "sealed_at": sealed_at,
        "entries": list(entries),
        "root": root,
        "previous": previous,
        "key": key,
    }
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)


def seal_hash(content: bytes) -> str:
    """Return the hash of a seal, in hex: what the next one names as its previous."""
    return hashlib.sha256(content).hexdigest()


def signed(seal: str) -> bytes:
    """Return the bytes that are signed for the hash of a seal."""
    return SEAL_CONTEXT + seal.encode("ascii")


def cut_of(cut: Cut) -> dict[str, Any]:
    """Return what a cut says, as `cut_content` takes it."""
    row = {name: getattr(cut, name) for name in CUT_FIELDS if name != "key"}
    return row | {"cut_at": moment(cut.cut_at), "key": cut.key_id}


def cut_content(cut: Mapping[str, Any]) -> bytes:
    """Return what a cut's signature is made of."""
    return orjson.dumps({name: cut[name] for name in CUT_FIELDS}, option=orjson.OPT_SORT_KEYS)


def signed_cut(said: bytes) -> bytes:
    """Return the bytes that are signed for a cut: its hash, in its own context."""
    return CUT_CONTEXT + hashlib.sha256(said).hexdigest().encode("ascii")
