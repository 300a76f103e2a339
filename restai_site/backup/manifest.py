"""What a backup says of itself, and by whom that is signed.

A backup is a zip file: `tables/<name>` for each table, as COPY writes it in text, and
`manifest.json`, which names the digest of each. The manifest is signed as seals of the audit trail
are, so whoever changes a backup needs AUDIT_KEY.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import orjson
from django.conf import settings
from django.db import connection

from audit.chain.checkpoints import checkpoint_of
from audit.chain.keys import is_signed, newest, public_keys
from audit.models import Seal
from restai_site.lib.errors import DomainError

FORMAT = "restai backup 1"
MANIFEST = "manifest.json"
CONTEXT = b"restai backup 1\n"
# What was signed in goes; whoever comes back signs in again.
LEFT_OUT = frozenset({"accounts_session", "django_session"})
# Compared, and not put back.
MIGRATIONS = "django_migrations"
FINGERPRINT_LENGTH = 16


class BadBackup(DomainError):
    """The file is no backup of this installation, or not the one that was made."""

    code = "bad_backup"


def tables() -> list[str]:
    """Return the names of the tables that a backup holds, sorted."""
    found = set(connection.introspection.table_names()) - LEFT_OUT - {MIGRATIONS}
    return sorted(found)


def columns_of(table: str) -> list[str]:
    """Return the names of a table's columns, in their order."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_table_description(cursor, table)
    return [one.name for one in found]


def migrations() -> list[str]:
    """Return the migrations that are applied, sorted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT app || '.' || name FROM django_migrations")
        return sorted(row[0] for row in cursor.fetchall())


def sequences() -> dict[str, int]:
    """Return the last number of each sequence that has given one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sequencename, last_value FROM pg_sequences"
            " WHERE schemaname = 'public' AND last_value IS NOT NULL"
        )
        return dict(cursor.fetchall())


def keys() -> dict[str, list[str]]:
    """Return a fingerprint of each key that opens what the database holds; none can be got back."""
    return {
        "FIELD_ENCRYPTION_KEY": _fingerprints(settings.FIELD_ENCRYPTION_KEY),
        "API_KEY_PEPPER": _fingerprints([settings.API_KEY_PEPPER]),
        "AUDIT_KEY": _fingerprints(settings.AUDIT_KEY),
    }


def checkpoint() -> dict[str, Any] | None:
    """Return the newest seal of the audit trail, as it is told outside."""
    seal = Seal.objects.order_by("-number").first()
    return orjson.loads(checkpoint_of(seal).to_json()) if seal else None


def signed(said: dict[str, Any]) -> bytes:
    """Return the manifest with its signature, as it is written."""
    key = newest()
    signature = key.sign(_digest(said))
    return orjson.dumps(
        {"said": said, "key": key.id, "signature": signature}, option=orjson.OPT_INDENT_2
    )


def read(text: bytes) -> dict[str, Any]:
    """Return what a manifest says. Raises BadBackup where nobody with AUDIT_KEY has signed it."""
    try:
        value = orjson.loads(text)
        said, key, signature = value["said"], value["key"], value["signature"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise BadBackup("The file holds no manifest of a backup.") from None
    public = public_keys().get(key)
    if public is None or not is_signed(public, _digest(said), signature):
        raise BadBackup(
            "The backup is not signed by a key in AUDIT_KEY: it was changed, or is another's."
        )
    if said.get("format") != FORMAT:
        raise BadBackup("The backup has another format than this version reads.")
    return dict(said)


def missing_keys(said: dict[str, Any]) -> list[str]:
    """Return the variables that lack a key with which the backup was made."""
    now = keys()
    return [name for name, needed in said["keys"].items() if set(needed) - set(now[name])]


def _fingerprints(secrets: Iterable[str]) -> list[str]:
    return [
        hashlib.sha256(b"restai fingerprint\n" + secret.encode()).hexdigest()[:FINGERPRINT_LENGTH]
        for secret in secrets
    ]


def _digest(said: dict[str, Any]) -> bytes:
    canonical = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    return CONTEXT + hashlib.sha256(canonical).hexdigest().encode()
