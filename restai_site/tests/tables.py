"""Looking into the tables themselves, past models and fields."""

from django.db import connection


def tables_holding(text: str) -> list[str]:
    """Return the names of the tables in which some row contains `text`."""
    with connection.cursor() as cursor:
        found = []
        for table in connection.introspection.table_names(cursor):
            query = f'SELECT count(*) FROM "{table}" t WHERE strpos(t::text, %s) > 0'  # noqa: S608
            cursor.execute(query, [text])
            if cursor.fetchone()[0]:
                found.append(table)
    return found
