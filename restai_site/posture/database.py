"""What the security posture asks of PostgreSQL."""

from datetime import timedelta

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from restai_site.lib.posture import (
    Area,
    Finding,
    State,
    check,
    command,
    failed,
    good,
    variable,
    words,
)

CLOCK_DIFFERENCE_MAX = timedelta(seconds=5)
POWERS = """
    SELECT rolname::text, rolsuper,
           array_remove(ARRAY[
               CASE WHEN rolcreaterole THEN 'make roles' END,
               CASE WHEN rolcreatedb THEN 'make databases' END,
               CASE WHEN rolreplication THEN 'replicate' END,
               CASE WHEN rolbypassrls THEN 'pass by row security' END
           ], NULL),
           (SELECT count(*) FROM pg_class
            WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
              AND pg_has_role(relowner, 'MEMBER'))
    FROM pg_roles WHERE rolname = current_user
"""


@check("database-role", "Power of the database role", Area.DATA, State.CRITICAL)
def role() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute(POWERS)
        name, is_superuser, verbs, tables = cursor.fetchone()
    remedy = variable("DATABASE_URL")
    if is_superuser:
        return failed(f"The platform serves as {name}, a superuser: nothing binds it.", remedy)
    powers = [f"owns {tables} tables"] * bool(tables) + [f"may {verb}" for verb in verbs]
    if powers:
        reason = f"The platform serves as {name}, which {' and '.join(powers)} without needing to."
        return failed(reason, remedy, state=State.WARNING)
    return good(f"The platform serves as {name}, which reads and writes rows and owns no table.")


@check("migrations", "Migrations", Area.DEPLOYMENT, State.CRITICAL)
def migrations() -> Finding:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return good("The database has the form that this version expects.")
    first = plan[0][0]
    reason = words(
        len(plan),
        "One migration has not been applied",
        "{} migrations have not been applied, the first of them",
    )
    reason += f": {first.app_label}.{first.name}."
    return failed(reason, command("python manage.py migrate", "Run as owner"))


@check("clock", "Clocks", Area.DEPLOYMENT, State.WARNING)
def clock() -> Finding:
    before = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        there = cursor.fetchone()[0]
    after = timezone.now()
    # The database read its clock at some moment between the two.
    apart = max(before - there, there - after, timedelta())
    if apart <= CLOCK_DIFFERENCE_MAX:
        return good("The clocks of the server and the database agree within 5 seconds.")
    reason = (
        f"The clocks of the server and the database are {round(apart.total_seconds())} seconds "
        "apart: expiry dates and the audit trail are wrong by as much."
    )
    return failed(reason, command("timedatectl set-ntp true", "Run on both hosts"))
