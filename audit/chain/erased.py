"""Entries whose personal data was taken out, so that the chain still holds over them.

What the entry said is kept, encrypted under AUDIT_KEY: with it the seal can be checked as ever, and
somebody who has the key can say who it was. What the entry says now is signed. docs/audit.md,
“Erased entries”.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from audit.chain.keys import AuditKey, is_signed

# Nothing else of an entry may differ from what it was.
PERSONAL = frozenset(
    {"actor_email", "impersonator_email", "target_name", "ip", "user_agent", "changes"}
)
CONTEXT = b"restai audit erased 1\n"


def mark_of(key: AuditKey, entry_id: int, mac: str, original: bytes, now: bytes) -> dict[str, str]:
    """Return the mark of an erased entry: its `original` content, encrypted, and a signature.

    `now` is the content that stands in the row from now on.
    """
    text = key.hidden(original, _bound(entry_id, mac))
    signature = key.sign(_signed(entry_id, mac, text, now))
    return {"original": text, "key": key.id, "signature": signature}


def is_marked(
    public: bytes, entry_id: int, mac: str, mark: Mapping[str, Any], content: bytes
) -> bool:
    """Tell whether the key has signed that the entry says `content` since it was erased."""
    signed = _signed(entry_id, mac, str(mark.get("original")), content)
    return is_signed(public, signed, str(mark.get("signature")))


def original_of(
    known: Sequence[AuditKey], entry_id: int, mac: str, mark: Mapping[str, Any]
) -> bytes | None:
    """Return what an erased entry said, or None where no key opens it."""
    key = next((one for one in known if one.id == mark.get("key")), None)
    return key.revealed(str(mark.get("original")), _bound(entry_id, mac)) if key else None


def keeps_the_rest(before: bytes, after: bytes) -> bool:
    """Tell whether two contents differ in personal data alone."""
    first, second = orjson.loads(before), orjson.loads(after)
    names = (first.keys() | second.keys()) - PERSONAL
    return all(first.get(name) == second.get(name) for name in names)


def _bound(entry_id: int, mac: str) -> bytes:
    return f"{entry_id} {mac}".encode()


def _signed(entry_id: int, mac: str, text: str, content: bytes) -> bytes:
    said = f"{entry_id} {mac} {text} ".encode() + content
    return CONTEXT + hashlib.sha256(said).hexdigest().encode()
