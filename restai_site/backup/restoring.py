"""Going back to a backup, in a database that holds nothing yet."""

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import orjson
from django.core.management import call_command
from django.db import connection, transaction
from psycopg import sql

from accounts.models import User
from audit.chain.checkpoints import Checkpoint
from audit.chain.checkpoints import read as read_checkpoint
from audit.chain.keys import public_keys
from audit.chain.trail import verify_trail
from audit.chain.verifying import Report
from audit.models import Entry
from audit.services import record
from restai_site.backup import manifest
from restai_site.backup.manifest import BadBackup
from restai_site.lib.actor import Actor

PIECE = 1 << 20


def restore(path: Path) -> tuple[dict[str, Any], Report]:
    """Put a backup into the database, and verify its audit trail; return what both say.

    Connect as the role that owns the tables. All of it is one transaction: a backup that does not
    hold leaves the database as it was. Raises BadBackup, OSError.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            said = manifest.read(archive.read(manifest.MANIFEST))
            _check_keys(said)
            call_command("migrate", interactive=False, verbosity=0)
            _check_place(said)
            with transaction.atomic():
                _fill(archive, said)
    except (zipfile.BadZipFile, KeyError) as error:
        raise BadBackup(f"The file is no whole backup: {error}") from None
    marks = _checkpoints(said)
    report = verify_trail(marks)
    with transaction.atomic():
        changes = {"made_at": said["made_at"], "holds": report.holds}
        record(Actor.system("restore"), "backup.restore", Entry, name="Backup", changes=changes)
    return said, report


def _check_keys(said: dict[str, Any]) -> None:
    missing = manifest.missing_keys(said)
    if missing:
        names = " and ".join(missing)
        raise BadBackup(f"Keys are missing with which the backup was made: add them to {names}.")


def _check_place(said: dict[str, Any]) -> None:
    if User.objects.exists() or Entry.objects.exists():
        raise BadBackup("The database is not empty; restore into a new one.")
    if said["migrations"] != manifest.migrations():
        version = said["version"]
        raise BadBackup(
            f"The backup is of version {version}, whose tables differ: restore it with that "
            "version, then update."
        )


def _fill(archive: zipfile.ZipFile, said: dict[str, Any]) -> None:
    names = sorted(said["tables"])
    if names != manifest.tables():
        raise BadBackup("The backup does not hold the tables of this version.")
    with connection.cursor() as cursor:
        every = sql.SQL(", ").join(map(sql.Identifier, names))
        for name in names:
            cursor.execute(_triggers(name, "DISABLE"))
        cursor.execute(sql.SQL("TRUNCATE {} CASCADE").format(every))
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for name in names:
            _load(archive, name, said["tables"][name])
        for name, last in said["sequences"].items():
            cursor.execute("SELECT setval(%s::regclass, %s)", [f'public."{name}"', last])
        # What was deferred is checked here: a table with such checks to come cannot be altered.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for name in names:
            cursor.execute(_triggers(name, "ENABLE"))


def _triggers(table: str, verb: str) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} {} TRIGGER USER").format(sql.Identifier(table), sql.SQL(verb))


def _load(archive: zipfile.ZipFile, table: str, told: dict[str, Any]) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, told["columns"]))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
    digest = hashlib.sha256()
    with archive.open(f"tables/{table}") as member, connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            while piece := member.read(PIECE):
                digest.update(piece)
                copy.write(piece)
        rows = cursor.rowcount
    if digest.hexdigest() != told["sha256"] or rows != told["rows"]:
        raise BadBackup(f"The table {table} is not the one that was backed up.")


def _checkpoints(said: dict[str, Any]) -> list[Checkpoint]:
    mark = said["checkpoint"]
    return [read_checkpoint(orjson.dumps(mark), public_keys())] if mark else []
