"""Entries in the words of the Open Cybersecurity Schema Framework (OCSF) 1.3.

Names and numbers are those of the classes API Activity (6003) and Authentication (3002), see
https://schema.ocsf.io/1.3.0/. What it has no name for stands under `unmapped`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.chain.checkpoints import checkpoint_of
from audit.chain.content import moment
from audit.models import Entry, Seal

VERSION = "1.3.0"
API, AUTHENTICATION = (6003, "API Activity", 6), (3002, "Authentication", 3)
CATEGORIES = {6: "Application Activity", 3: "Identity & Access Management"}
LOG_ON, LOG_OFF = (1, "Logon"), (2, "Logoff")
SIGN_INS = {"user.sign_in": LOG_ON, "user.sign_in_failed": LOG_ON, "user.sign_out": LOG_OFF}
CREATE, READ, UPDATE, DELETE, OTHER = (
    *((1, "Create"), (2, "Read"), (3, "Update"), (4, "Delete"), (99, "Other")),
)
VERBS = {
    **dict.fromkeys(("create", "post", "add", "member_add", "begin", "invite"), CREATE),
    **dict.fromkeys(("read", "export", "download"), READ),
    **dict.fromkeys(("update", "patch", "put", "rename", "member_role"), UPDATE),
    **dict.fromkeys(("delete", "remove", "revoke", "member_remove", "purge"), DELETE),
}
INFORMATIONAL, MEDIUM = (1, "Informational"), (3, "Medium")
SUCCESS, FAILURE = (1, "Success"), (2, "Failure")


@dataclass(frozen=True, slots=True)
class Event:
    """One event: when it was, whether it is a warning, and what is sent of it."""

    at: datetime
    is_warning: bool
    said: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """What is sent of one seal: its entries, and the seal itself as a checkpoint."""

    number: int
    at: datetime
    events: Sequence[Event]
    checkpoint: dict[str, Any]

    @classmethod
    def of_seal(cls, seal: Seal, *, with_entries: bool) -> "Batch":
        """Return what is to be sent of a seal. One query more where the entries go with it."""
        found = Entry.objects.filter(pk__in=seal.entry_ids).order_by("pk") if with_entries else []
        events = [event_of(entry, seal.number) for entry in found]
        told = checkpoint_of(seal)
        shown = {
            "number": told.number,
            "hash": told.hash,
            "sealed_at": told.sealed_at,
            "key": told.key,
            "public_key": told.public_key,
            "signature": told.signature,
        }
        return cls(seal.number, seal.sealed_at, events, shown)

    @classmethod
    def of_test(cls, email: str, at: datetime) -> "Batch":
        """Return a batch that tries a destination out, and says so."""
        said = {"message": "A test of RESTai's audit forwarding.", "time": milliseconds(at)}
        event = Event(at, is_warning=False, said={**said, "actor": {"user": {"email_addr": email}}})
        return cls(0, at, [event], {"number": 0, "test": True})


def milliseconds(at: datetime) -> int:
    """Return a moment as OCSF writes it."""
    return int(at.timestamp() * 1000)


def event_of(entry: Entry, seal: int) -> Event:
    """Return an entry as an event."""
    said = {
        **_classified(entry),
        **_judged(entry),
        "metadata": {
            "version": VERSION,
            "product": {"name": "RESTai", "vendor_name": "RESTai"},
            "log_name": "audit",
            "uid": str(entry.uid),
            "sequence": entry.pk,
            "correlation_uid": entry.request_id,
        },
        "time": milliseconds(entry.created_at),
        "time_dt": moment(entry.created_at),
        "actor": {"user": _user(entry.actor_id, entry.actor_email)},
        "user": _user(entry.actor_id, entry.actor_email),
        "api": {"operation": entry.action, "request": {"uid": entry.request_id}},
        "src_endpoint": {"ip": entry.ip},
        "http_request": {"user_agent": entry.user_agent},
        "resources": [
            {"type": entry.target_type, "uid": entry.target_id, "name": entry.target_name}
        ],
        "unmapped": {
            "credential": entry.credential,
            "impersonator": _user(entry.impersonator_id, entry.impersonator_email),
            "team_id": entry.team_id,
            "changes": entry.changes,
            "mac": entry.mac,
            "seal": seal,
        },
    }
    return Event(entry.created_at, entry.is_refused, said)


def _classified(entry: Entry) -> dict[str, Any]:
    (class_uid, class_name, category), (activity, activity_name) = _class_of(entry)
    return {
        "class_uid": class_uid,
        "class_name": class_name,
        "category_uid": category,
        "category_name": CATEGORIES[category],
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": class_uid * 100 + activity,
    }


def _judged(entry: Entry) -> dict[str, Any]:
    status = FAILURE if entry.is_refused else SUCCESS
    severity = MEDIUM if entry.is_refused else INFORMATIONAL
    return {
        "severity_id": severity[0],
        "severity": severity[1],
        "status_id": status[0],
        "status": status[1],
        "status_code": str(entry.status),
    }


def _class_of(entry: Entry) -> tuple[tuple[int, str, int], tuple[int, str]]:
    if entry.action in SIGN_INS:
        return AUTHENTICATION, SIGN_INS[entry.action]
    return API, VERBS.get(entry.action.rpartition(".")[2], OTHER)


def _user(user_id: int | None, email: str) -> dict[str, str]:
    return {"uid": "" if user_id is None else str(user_id), "email_addr": email}
