"""Making a backup: all tables as of one moment, while the platform goes on."""

import hashlib
import os
import zipfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

from audit.chain.reading import one_moment
from audit.models import Entry
from audit.services import record
from restai_site.backup import manifest
from restai_site.lib.actor import Actor


def write(path: Path) -> dict[str, Any]:
    """Write a backup to `path`, which must not be there yet, and return what its manifest says.

    The file is for its owner alone, and is only there once it is whole. Raises OSError.
    """
    with transaction.atomic():
        record(Actor.system("backup"), "backup.make", Entry, name="Backup")
    part = path.with_name(f".{path.name}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with (
            os.fdopen(handle, "wb") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive,
        ):
            said = _write(archive)
            archive.writestr(manifest.MANIFEST, manifest.signed(said))
        os.link(part, path)
    finally:
        part.unlink(missing_ok=True)
    return said


def _write(archive: zipfile.ZipFile) -> dict[str, Any]:
    with one_moment():
        return {
            "format": manifest.FORMAT,
            "version": settings.VERSION,
            "made_at": timezone.now().isoformat(),
            "migrations": manifest.migrations(),
            "keys": manifest.keys(),
            "checkpoint": manifest.checkpoint(),
            "sequences": manifest.sequences(),
            "tables": {name: _copy(archive, name) for name in manifest.tables()},
        }


def _copy(archive: zipfile.ZipFile, table: str) -> dict[str, Any]:
    columns, digest = manifest.columns_of(table), hashlib.sha256()
    statement = sql.SQL("COPY {} ({}) TO STDOUT").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with (
        archive.open(f"tables/{table}", "w", force_zip64=True) as member,
        connection.cursor() as cursor,
    ):
        with cursor.copy(statement) as copy:
            for piece in copy:
                data = bytes(piece)
                digest.update(data)
                member.write(data)
        rows = cursor.rowcount
    return {"columns": columns, "rows": rows, "sha256": digest.hexdigest()}
