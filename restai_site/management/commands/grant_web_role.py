"""`manage.py grant_web_role ROLE`: what the role that serves may do in the database.

Run it after `migrate`, connected as the role that owns the tables.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from psycopg import sql

# The trail of changes may grow; its rows are not for changing, nor is the history of migrations.
APPEND_ONLY_TABLES = ("audit_entry", "audit_seal", "audit_cut")
READ_ONLY_TABLES = ("django_migrations",)
# A trigger fills it, and the worker takes from it.
QUEUES = ("audit_unsealed",)
GRANTS = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
)


class Command(BaseCommand):
    """Grants a role reading and writing of rows, and nothing that changes the schema."""

    help = "Grant a database role what the web server and the worker need, and no more."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", help="the role in the DATABASE_URL of the server")

    def handle(self, *args: Any, **options: Any) -> None:
        role = options["role"]
        self._refuse_unsuitable(role)
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in GRANTS:
                cursor.execute(sql.SQL(statement).format(role=sql.Identifier(role)))
            for verbs, tables in (
                ("UPDATE, DELETE, TRUNCATE", APPEND_ONLY_TABLES),
                ("INSERT, UPDATE, DELETE, TRUNCATE", READ_ONLY_TABLES),
                ("INSERT, UPDATE, TRUNCATE", QUEUES),
            ):
                for table in tables:
                    cursor.execute(_revoke(verbs, table, role))

    def _refuse_unsuitable(self, role: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolsuper, current_user FROM pg_roles WHERE rolname = %s", [role])
            row = cursor.fetchone()
        if row is None:
            raise CommandError(
                f"The database has no role {role}: "
                f"make it with CREATE ROLE {role} LOGIN PASSWORD '...'."
            )
        is_superuser, owner = row
        if is_superuser or role == owner:
            raise CommandError(
                f"{role} owns the tables or is a superuser, so that grants do not bind it: "
                "give the server a role of its own."
            )


def _revoke(verbs: str, table: str, role: str) -> sql.Composed:
    statement = sql.SQL("REVOKE {verbs} ON {table} FROM {role}")
    return statement.format(
        verbs=sql.SQL(verbs), table=sql.Identifier(table), role=sql.Identifier(role)
    )
