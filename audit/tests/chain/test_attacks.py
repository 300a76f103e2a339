"""The owner of the database against the chain: whatever is done to the tables, verifying finds it.

Everything here is done with the triggers at rest and with full knowledge of how the chain is made;
the attacker lacks the key alone.
"""

import pytest

from audit.chain.keys import keys
from audit.chain.sealing import seal_waiting
from audit.chain.trail import verify_trail
from audit.models import Entry, Seal, Unsealed
from audit.tests.chain.trail import found, rehash, sealed, sql, write
from restai_site.embedded.keys import fernet_key

pytestmark = pytest.mark.django_db(transaction=True)
CHANGED = "was changed, or another put in its place"
FORGED = "was not written by the platform"
NO_KEY = "was made by somebody without the key"
CUT = "was told outside the database and is gone: the end was cut"
COLUMNS = (
    "created_at, actor_id, actor_email, credential, impersonator_id, impersonator_email, action,"
    " target_type, target_id, target_name, team_id, status, ip, user_agent, request_id, changes,"
    " mac"
)


def copy(entry_id, uid="gen_random_uuid()"):
    """Insert a row that says the same as another, and has its code."""
    columns = f"INSERT INTO audit_entry ({COLUMNS}, uid) SELECT {COLUMNS}, {uid}"
    sql(f"{columns} FROM audit_entry WHERE id = %s", [entry_id])


def edit(table, change, number):
    """Change a row in the words of SQL."""
    key = "id" if table == "audit_entry" else "number"
    statement = f"UPDATE {table} SET {change} WHERE {key} = %s"  # noqa: S608  of this file
    sql(statement, [number])


@pytest.fixture
def mark():
    """Three seals of four rows, and the last as it was told outside."""
    return sealed(4, 4, 4)


@pytest.fixture
def ids(mark):
    return list(Entry.objects.order_by("id").values_list("pk", flat=True))


@pytest.fixture
def others_key(settings):
    """A key of the attacker's own making."""
    own = list(settings.AUDIT_KEY)
    settings.AUDIT_KEY = [fernet_key()]
    made = keys()[0]
    settings.AUDIT_KEY = own
    return made


def test_a_trail_that_nobody_touched_holds(mark):
    report = verify_trail([mark])
    assert (report.holds, report.entries, report.seals, report.waiting) == (True, 12, 3, 0)


@pytest.mark.parametrize(
    "change",
    [
        "actor_email = 'somebody@example.org'",
        "created_at = created_at - interval '1 microsecond'",
        "status = 500",
        "team_id = 1",
        "ip = '10.0.0.1'",
        "changes = '{\"number\": 99}'",
        "changes = changes || '{\"more\": null}'",
        "uid = gen_random_uuid()",
        "mac = repeat('0', 64)",
        "id = id + 1000",
    ],
)
def test_an_edited_row_is_named(mark, ids, change):
    edit("audit_entry", change, ids[5])
    assert found(mark)[0][:2] == (ids[5], 2)


def test_an_edited_row_with_the_chain_made_anew(mark, ids):
    sql("UPDATE audit_entry SET action = 'user.view' WHERE id = %s", [ids[5]])
    rehash()
    problems = found(mark)
    assert (ids[5], 2, FORGED) in problems
    assert {(None, number, NO_KEY) for number in (1, 2, 3)} <= set(problems)
    assert verify_trail([mark]).first_bad_entry == ids[5]


def test_the_chain_made_anew_with_a_key_of_ones_own(mark, ids, others_key):
    sql("UPDATE audit_entry SET action = 'user.view' WHERE id = %s", [ids[0]])
    rehash(others_key)
    assert (None, 1, "is signed by an unknown key") in found(mark)


def test_a_deleted_row(mark, ids):
    sql("DELETE FROM audit_entry WHERE id = %s", [ids[6]])
    assert found(mark) == [(ids[6], 2, "is gone")]


def test_a_deleted_row_with_the_chain_made_anew(mark, ids):
    sql("DELETE FROM audit_entry WHERE id = %s", [ids[6]])
    rehash()
    assert (None, 2, NO_KEY) in found(mark)


def test_an_inserted_row(mark, ids):
    copy(ids[0])
    assert found(mark) == [(ids[-1] + 1, None, "is in no seal and does not wait for one")]


def test_an_inserted_row_that_the_platform_itself_seals(mark, ids):
    copy(ids[0])
    sql("INSERT INTO audit_unsealed VALUES (%s)", [ids[-1] + 1])
    assert found(mark) == [(ids[-1] + 1, None, FORGED)]
    seal_waiting()
    assert found(mark) == [(ids[-1] + 1, 4, FORGED)]


def test_a_row_that_is_copied_with_its_code(mark, ids):
    copy(ids[2], uid="uid")
    sql("INSERT INTO audit_unsealed VALUES (%s)", [ids[-1] + 1])
    seal_waiting()
    assert found(mark) == [(ids[2], None, "is there a second time")]


def test_rows_in_another_order(mark, ids):
    first, second = ids[1], ids[9]
    sql("UPDATE audit_entry SET id = -1 WHERE id = %s", [first])
    sql("UPDATE audit_entry SET id = %s WHERE id = %s", [first, second])
    sql("UPDATE audit_entry SET id = %s WHERE id = -1", [second])
    assert found(mark) == [(first, 1, CHANGED), (second, 3, CHANGED)]


def test_a_cut_tail(mark, ids):
    sql("DELETE FROM audit_seal WHERE number = 3")
    sql("DELETE FROM audit_entry WHERE id > %s", [ids[7]])
    assert found() == []
    assert found(mark) == [(None, 3, CUT)]


def test_a_cut_tail_that_is_written_anew(mark, ids):
    """Also where the platform has sealed other rows since: its own seals, in the old places."""
    sql("DELETE FROM audit_seal WHERE number = 3")
    sql("DELETE FROM audit_entry WHERE id > %s", [ids[7]])
    sealed(4, 4)
    assert found() == []
    assert found(mark) == [(None, 3, "is not the one that was told outside the database")]


def test_an_emptied_table(mark):
    sql("TRUNCATE audit_entry, audit_seal, audit_unsealed")
    assert found(mark) == [(None, 3, CUT)]
    sealed(4, 4, 4, 4)
    assert found(mark) == [(None, 3, "is not the one that was told outside the database")]


def test_a_seal_taken_out(mark, ids):
    sql("DELETE FROM audit_seal WHERE number = 2")
    problems = found(mark)
    assert (None, 3, "follows seal 1: some are gone") in problems
    assert (ids[4], None, "is in no seal and does not wait for one") in problems


def test_seals_that_change_places(mark):
    sql("UPDATE audit_seal SET number = 9 WHERE number = 2")
    sql("UPDATE audit_seal SET number = 2 WHERE number = 3")
    sql("UPDATE audit_seal SET number = 3 WHERE number = 9")
    assert {seal for _, seal, _ in found(mark)} == {2, 3}


@pytest.mark.parametrize(
    "change",
    [
        "sealed_at = sealed_at - interval '1 day'",
        "leaves = substr(leaves, 1, 96)",
        "leaves = substr(leaves, 1, 127) || '\\x00'",
        "entry_ids = entry_ids[2:]",
        "entry_ids = array_append(entry_ids, 999999::bigint)",
        "previous = repeat('0', 64)",
        "hash = repeat('0', 64)",
        "signature = repeat('00', 64)",
        "signature = 'no hex'",
        "key_id = 'ffffffffffffffff'",
    ],
)
def test_a_changed_seal_is_named(mark, change):
    edit("audit_seal", change, 2)
    assert 2 in {seal for _, seal, _ in found(mark)}


def test_a_row_taken_from_the_queue(mark):
    [entry] = write()
    Unsealed.objects.all().delete()
    assert found(mark) == [(entry.pk, None, "is in no seal and does not wait for one")]


def test_a_row_changed_while_it_waits(mark):
    [entry] = write()
    sql("UPDATE audit_entry SET action = 'user.view' WHERE id = %s", [entry.pk])
    assert found(mark) == [(entry.pk, None, FORGED)]
    seal_waiting()
    assert found(mark) == [(entry.pk, 4, FORGED)]


def test_a_row_deleted_while_it_waits(mark):
    [entry] = write()
    sql("DELETE FROM audit_entry WHERE id = %s", [entry.pk])
    assert found(mark) == [(entry.pk, None, "went while it waited for its seal")]
    seal_waiting()
    assert found(mark) == [(entry.pk, 4, "is gone")]


def test_the_whole_database_of_an_hour_ago(mark):
    """An older state is a chain that holds in itself; what was told outside shows the rest."""
    rows = list(Seal.objects.order_by("number").values())
    later = sealed(2)
    sql("DELETE FROM audit_seal WHERE number > %s", [rows[-1]["number"]])
    sql("DELETE FROM audit_entry WHERE id IN (SELECT id FROM audit_entry ORDER BY id DESC LIMIT 2)")
    assert found(mark) == []
    assert found(mark, later) == [(None, 4, CUT)]
