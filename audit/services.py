"""Writing the audit trail."""

import logging
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import Error, models, transaction

from audit.chain.content import row_content, row_of
from audit.chain.keys import newest
from audit.models import REQUEST, Entry
from restai_site.lib.actor import Actor
from restai_site.lib.crypto import DecryptionFailed, EncryptedField
from restai_site.lib.errors import Unavailable
from restai_site.lib.requests import address_of

log = logging.getLogger(__name__)
CHANGED = "changed"
LONGEST_VALUE = 500
LARGEST_INTEGER = 2**63 - 1
SECRET_FIELD_NAMES = frozenset({"password", "digest", "api_key"})
Changes = dict[str, dict[str, Any]]
UNRECORDED = (
    "The audit trail cannot be written, so the platform takes no changes; ask an administrator to "
    "look at its database."
)


class Unrecorded(Unavailable):
    """An entry could not be written, so that what it speaks of must not be."""

    code = "audit_unavailable"

    def __init__(self) -> None:
        super().__init__(UNRECORDED)


def record(
    actor: Actor,
    action: str,
    target: models.Model | type[models.Model],
    *,
    changes: Mapping[str, Any] | None = None,
    team_id: int | None = None,
    status: int = 200,
    name: str | None = None,
) -> Entry:
    """Append one entry; call it inside the transaction of the change it speaks of.

    `target` is a row, or a model where its whole table is meant. `changes` maps field names to
    what `changes_of` returns, or to plain values; `name` stands for the target's own where that
    must not be shown. Raises TransactionManagementError outside a transaction: a change must not
    be kept without its entry. Raises Unrecorded where it cannot be written, so that the change is
    taken back as well.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("audit.record() needs a transaction.")
    return _append(
        actor,
        action=action,
        target_type=target._meta.label_lower,
        target_id=str(target.pk) if isinstance(target, models.Model) else "",
        target_name=neutral(_name(target) if name is None else name)[:200],
        team_id=team_id,
        status=status,
        changes=plain(changes or {}),
    )


def record_request(
    actor: Actor,
    *,
    method: str,
    route: str,
    address: str,
    status: int,
    notes: Mapping[str, Any] | None = None,
) -> Entry:
    """Append the one entry of a request, in a transaction of its own.

    `route` is the name of the route that it found, `address` what it was called by, without what
    opens something; `status` is the HTTP status of the answer. Raises Unrecorded.
    """
    with transaction.atomic():
        return _append(
            actor,
            action=REQUEST + method.lower()[:16],
            target_type="route",
            target_id=route[:64],
            target_name=neutral(address)[:200],
            status=status,
            changes=plain(notes or {}),
        )


def _append(actor: Actor, **values: Any) -> Entry:
    entry = Entry(
        actor_id=actor.user_id,
        actor_email=actor.email,
        credential=actor.credential,
        impersonator_id=actor.impersonator_id,
        impersonator_email=actor.impersonator_email,
        ip=_address(actor.ip),
        user_agent=neutral(actor.user_agent)[:200],
        request_id=actor.request_id,
        **values,
    )
    entry.mac = newest().mac(row_content(row_of(entry)))
    try:
        entry.save(force_insert=True)
    except Error as error:
        log.critical("The audit trail cannot be written: %s", type(error).__name__)
        raise Unrecorded from error
    return entry


def changes_of(target: models.Model, values: Mapping[str, Any]) -> Changes:
    """Return before and after of the fields in `values` that differ from `target`.

    Secrets appear only as "changed".
    """
    changes: Changes = {}
    for name, after in values.items():
        before = _stored(target, name)
        if before == after:
            continue
        if is_secret(target, name):
            changes[name] = {"before": CHANGED, "after": CHANGED}
        else:
            changes[name] = {"before": plain(before), "after": plain(after)}
    return changes


def is_secret(target: models.Model, name: str) -> bool:
    """Tell whether the field holds a secret, which no entry may show."""
    field = target._meta.get_field(name)
    return isinstance(field, EncryptedField) or name in SECRET_FIELD_NAMES


def _stored(target: models.Model, name: str) -> Any:
    try:
        return getattr(target, name)
    except DecryptionFailed:
        # Differs from every value, so that a secret which cannot be read can be replaced.
        return object()


def _name(target: models.Model | type[models.Model]) -> str:
    return str(target if isinstance(target, models.Model) else target._meta.verbose_name_plural)


def plain(value: Any) -> Any:
    """Return `value` as JSON can hold it, short and on one line."""
    if value is None or isinstance(value, bool | int | float):
        return _number(value)
    if isinstance(value, models.Model):
        return {"id": value.pk, "name": neutral(str(value))[:LONGEST_VALUE]}
    if isinstance(value, Mapping):
        return {neutral(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Decimal | UUID):
        return [plain(item) for item in value]
    return neutral(str(value))[:LONGEST_VALUE]


def _number(value: float | None) -> Any:
    """Return a number that every JSON library and the database write alike, or its text.

    Not alike are exponents and whole numbers beyond 64 bits; JSON has no word for infinity.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_INTEGER else str(value)[:LONGEST_VALUE]
    is_plain = math.isfinite(value) and "e" not in repr(value)
    # The database knows no negative zero.
    return value + 0.0 if is_plain else str(value)


def _address(ip: str | None) -> str | None:
    """Return an address as the database writes it; an IPv4 address within IPv6 as itself."""
    return str(address_of(ip)) if ip else None


def neutral(text: str) -> str:
    """Return `text` with control characters made visible, so that it cannot forge lines."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
