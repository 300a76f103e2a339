"""The cast that most tests begin with is the one that the services make."""

import json

import pytest
from django.db import connection, transaction

from restai_site.tests.hashing import COSTS
from restai_site.tests.quick_world import make_quick_world
from restai_site.tests.world import make_world

# What each has its own of.
PASSING = {"id", "created_at", "updated_at", "date_joined", "password", "api_key", "api_key_set_at"}
TRAIL = {"audit_entry", "audit_unsealed"}


def rows() -> dict[str, list[dict]]:
    """Return every row but those of the trail; a reference is told by its place among its like."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(set(connection.introspection.table_names()) - TRAIL):
            cursor.execute(f'SELECT to_jsonb(t) FROM "{table}" t ORDER BY t')  # noqa: S608  the tables' own names
            found[table] = [json.loads(row) for (row,) in cursor.fetchall()]
    return {table: [_plain(row) for row in told] for table, told in found.items()}


FIRST: dict[str, int] = {}


def _plain(row: dict) -> dict:
    told = {name: value for name, value in row.items() if name not in PASSING}
    for name, value in told.items():
        if name.endswith("_id") and isinstance(value, int):
            told[name] = value - FIRST.setdefault(name, value)
    return told


def made_by(make) -> tuple[dict, object]:
    FIRST.clear()
    mark = transaction.savepoint()
    world = make()
    found = rows()
    transaction.savepoint_rollback(mark)
    return found, world


@pytest.mark.django_db
def test_each_row_is_as_the_services_write_it():
    expected, _ = made_by(make_world)
    found, _ = made_by(make_quick_world)
    assert sum(len(told) for told in expected.values()) >= 30
    for table, told in expected.items():
        assert found[table] == told, table


@pytest.mark.django_db
def test_what_is_returned_is_what_stands_in_the_tables():
    world = make_quick_world()
    for name, row in vars(world).items():
        again = type(row).objects.get(pk=row.pk)
        for field in row._meta.concrete_fields:
            assert getattr(row, field.attname) == getattr(again, field.attname), (name, field)


def test_a_password_costs_what_it_should_outside_the_tests():
    """At least the 19 MiB and two passes of OWASP's Password Storage Cheat Sheet."""
    passes, kibibytes, _ = COSTS
    assert passes >= 2
    assert kibibytes >= 19 * 1024
