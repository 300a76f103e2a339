"""Erased entries: the chain holds over them, and nobody without the key can make one."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from audit.chain import content, erased
from audit.chain.keys import keys, newest
from audit.chain.sealing import seal_waiting
from audit.chain.trail import verify_trail
from audit.erasing import services
from audit.models import AppendOnlyError, Entry, Erasure, Unsealed
from audit.services import record
from audit.tests.chain.test_exports import changed, verify
from audit.tests.chain.trail import found, sql
from restai_site.embedded.keys import fernet_key
from restai_site.lib.actor import Actor
from restai_site.tests.tables import tables_holding

pytestmark = pytest.mark.django_db(transaction=True)
ADA = Actor(user_id=700, email="ada@example.org", ip="192.0.2.7", user_agent="Ada's browser")
BOB = Actor(user_id=800, email="bob@example.org", ip="192.0.2.8", user_agent="Bob's browser")
LABEL = "accounts.user"


def write(actor, name="x", target=User, /, **changes):
    with transaction.atomic():
        return record(actor, "user.update", target, name=name, changes=changes)


def erase(actor=ADA, names=("Ada Lovelace",)):
    """Have somebody erased, and the job run."""
    row = services.ask(LABEL, actor.user_id, addresses=[actor.email], names=names, actor=BOB)
    services.run(row.pk)
    row.refresh_from_db()
    return row


@pytest.fixture
def trail():
    """Entries by and about Ada, of others, and in which she is named."""
    made = [
        write(ADA, "Alpha"),
        write(BOB, "ada@example.org", User(pk=700), name={"before": "A", "after": "Ada Lovelace"}),
        write(BOB, "Beta", note="told ADA@example.org; and nada@example.org, ada@example.org.uk"),
        write(replace(BOB, impersonator_id=700, impersonator_email="ada@example.org"), "Gamma"),
        write(BOB, "Ada Lovelace", note="Ada Lovelace"),
    ]
    seal_waiting()
    return made


def rows(trail):
    return [Entry.objects.get(pk=one.pk) for one in trail]


def test_a_pseudonym_stands_where_the_person_stood(trail):
    row = erase()
    first, about, told, behind, other = rows(trail)
    name = row.pseudonym
    assert (first.actor_email, first.ip, first.user_agent) == (name, None, "")
    assert (about.target_name, about.changes["name"]) == (name, {"before": name, "after": name})
    assert (about.actor_email, about.ip) == ("bob@example.org", "192.0.2.8")
    assert told.changes["note"] == f"told {name}; and nada@example.org, ada@example.org.uk"
    assert (behind.impersonator_email, behind.actor_email) == (name, "bob@example.org")
    assert (behind.ip, behind.user_agent) == (None, "")
    # A name elsewhere may be anybody's.
    assert (other.target_name, other.is_erased) == ("Ada Lovelace", False)
    assert (row.entries, row.sought, row.percent) == (4, "", 100)
    assert name.startswith("person-")
    assert name.endswith("@erased.invalid")


def test_the_chain_holds_and_the_erasure_is_recorded(trail):
    erase()
    last = Entry.objects.latest("pk")
    assert (last.action, last.changes) == ("audit.erase", {"entries": 4})
    seal_waiting()
    report = verify_trail()
    assert report.problems == []
    assert (report.holds, report.erased) == (True, 4)


def test_no_table_holds_the_address_any_more(trail):
    assert "audit_entry" in tables_holding("ada@example.org")
    write(BOB, "only this one", told="nothing")
    sql("UPDATE audit_entry SET changes = '{}' WHERE changes::text LIKE '%%nada%%'")
    erase()
    assert tables_holding("ada@example.org") == []


def test_what_waits_for_its_seal_is_sealed_first():
    entry = write(ADA, "Alpha")
    assert Unsealed.objects.filter(pk=entry.pk).exists()
    erase()
    assert Entry.objects.get(pk=entry.pk).is_erased
    seal_waiting()
    assert found() == []


def test_two_people_in_one_entry(trail):
    erase()
    erase(BOB, names=())
    behind = rows(trail)[3]
    said = json.loads(erased.original_of(keys(), behind.pk, behind.mac, behind.erased))
    assert (said["actor_email"], said["impersonator_email"]) == (BOB.email, ADA.email)
    assert tables_holding("bob@example.org") == []
    seal_waiting()
    assert found() == []


def test_a_killed_job_goes_on(trail, monkeypatch):
    monkeypatch.setattr(services, "BATCH", 2)
    row = services.ask(LABEL, 700, addresses=[ADA.email], names=[], actor=BOB)
    assert services.step(row.pk) is True
    row.refresh_from_db()
    assert (row.entries, row.finished_at) == (2, None)
    assert row.reached == trail[1].pk
    services.look_after()
    row.refresh_from_db()
    assert row.finished_at is not None
    assert row.entries == 4


def test_earlier_addresses_and_names_are_found_by_itself(trail):
    write(BOB, "x", User(pk=700), email={"before": "a.l@example.org", "after": "ada@example.org"})
    write(BOB, "a.l@example.org")
    row = services.ask(LABEL, 700, addresses=[], names=[], actor=BOB)
    services.run(row.pk)
    for text in ("a.l@example.org", "told ADA@"):
        assert tables_holding(text) == [], text


def test_entries_of_requests_under_way_are_taken_later(trail):
    row = erase()
    late = write(ADA, "late")
    services.look_after()
    assert not Entry.objects.get(pk=late.pk).is_erased
    seal_waiting()
    services.look_after()
    assert Entry.objects.get(pk=late.pk).actor_email == row.pseudonym


def test_the_holder_of_the_key_can_say_who_it_was(trail, capsys):
    row = erase()
    call_command("resolve_pseudonym", row.pseudonym)
    assert capsys.readouterr().out.strip() == "ada@example.org"
    assert Entry.objects.latest("pk").action == "audit.resolve"


def test_nobody_else_can(trail, settings):
    row = erase()
    settings.AUDIT_KEY = [fernet_key()]
    with pytest.raises(CommandError):
        call_command("resolve_pseudonym", row.pseudonym)
    # Nor by trying accounts: the code is made with the key.
    assert newest().pseudonym(f"{LABEL} 700") != row.pseudonym


def test_a_new_key_leaves_erased_entries_as_they_are(trail, settings):
    row = erase()
    settings.AUDIT_KEY = [fernet_key(), *settings.AUDIT_KEY]
    seal_waiting()
    assert found() == []
    assert services.resolve(row.pseudonym, actor=BOB) == ["ada@example.org"]


def test_what_is_sought_is_not_readable_in_the_meantime(trail):
    row = services.ask(LABEL, 700, addresses=[ADA.email], names=["Ada"], actor=BOB)
    assert "ada" not in row.sought.lower()
    assert len(row.sought) > 40


def test_models_still_refuse(trail):
    with pytest.raises(AppendOnlyError):
        trail[0].save()
    with pytest.raises(AppendOnlyError):
        Entry.objects.filter(pk=trail[0].pk).update(erased={})


@pytest.mark.parametrize("change", ["action = 'x'", "erased = NULL", "actor_id = 1", "mac = ''"])
def test_the_trigger_lets_nothing_else_change(trail, change):
    erase()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('audit.erasing', 'yes', true)")
        statement = f"UPDATE audit_entry SET {change} WHERE id = %s"  # noqa: S608  of this file
        with pytest.raises(DatabaseError), transaction.atomic():
            cursor.execute(statement, [trail[0].pk])


def test_the_function_leaves_what_is_not_sealed(trail):
    entry = write(ADA, "late")
    said = content.row_of(entry)
    values = {name: said[name] for name in erased.PERSONAL} | {"id": entry.pk, "erased": {}}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT audit_erase_entries(%s::jsonb)", [json.dumps([values])])
        assert cursor.fetchone()[0] == 0


# What somebody with the whole database tries.

WITHOUT_KEY = "was erased by somebody without the key"
OTHER = "was erased, and what it said is not what was kept of it"


def marked(entry, mark):
    sql("UPDATE audit_entry SET erased = %s WHERE id = %s", [json.dumps(mark), entry.pk])


def seal_of(entry):
    """All of these are in the first seal."""
    return (entry.pk, 1)


def test_an_edited_row_that_claims_to_be_erased(trail):
    sql("UPDATE audit_entry SET target_name = 'other' WHERE id = %s", [trail[0].pk])
    marked(trail[0], {"original": "", "key": newest().id, "signature": "ab" * 64})
    assert found() == [(*seal_of(trail[0]), WITHOUT_KEY)]


def test_a_row_that_is_edited_after_it_was_erased(trail):
    erase()
    seal_waiting()
    sql("UPDATE audit_entry SET target_name = 'other' WHERE id = %s", [trail[0].pk])
    assert found() == [(*seal_of(trail[0]), WITHOUT_KEY)]


def test_the_mark_of_another_row(trail):
    erase()
    seal_waiting()
    marked(trail[0], rows(trail)[1].erased)
    assert found() == [(*seal_of(trail[0]), WITHOUT_KEY)]


def test_an_original_that_was_exchanged(trail):
    erase()
    seal_waiting()
    mark = rows(trail)[0].erased
    marked(trail[0], mark | {"original": rows(trail)[1].erased["original"]})
    assert found() == [(*seal_of(trail[0]), WITHOUT_KEY)]


def test_the_mark_taken_away(trail):
    erase()
    seal_waiting()
    sql("UPDATE audit_entry SET erased = NULL WHERE id = %s", [trail[0].pk])
    assert found() == [(*seal_of(trail[0]), "was changed, or another put in its place")]


def test_a_mark_of_the_right_key_over_other_facts(trail):
    """As a fault of ours would make it: the action is another one than was sealed."""
    entry, key = trail[0], newest()
    said = content.row_content(content.row_of(entry))
    sql("UPDATE audit_entry SET action = 'user.view' WHERE id = %s", [entry.pk])
    now = content.row_content(content.row_of(Entry.objects.get(pk=entry.pk)))
    marked(entry, erased.mark_of(key, entry.pk, entry.mac, said, now))
    assert found() == [(*seal_of(entry), OTHER)]


def test_an_original_that_was_never_sealed(trail):
    entry, key = trail[0], newest()
    said = content.row_content(content.row_of(entry))
    other = said.replace(b"Alpha", b"Omega")
    marked(entry, erased.mark_of(key, entry.pk, entry.mac, other, said))
    assert found() == [(*seal_of(entry), "was changed, or another put in its place")]


# Exports, verified by the script alone.


@pytest.fixture
def file(trail, tmp_path):
    erase()
    seal_waiting()
    path = tmp_path / "audit.jsonl"
    call_command("export_audit", str(path))
    return path


def test_an_export_holds_and_says_that_people_were_erased(file):
    assert 'ada@example.org"' not in file.read_text()
    status, said = verify(file, "--key", keys()[0].public.hex())
    assert status == 0, said
    assert "Without the data of erased people: 4 entries." in said


def test_an_erased_entry_that_is_changed_in_an_export(file, trail):
    def change(lines):
        for line in lines:
            if line.get("entry", {}).get("id") == trail[0].pk:
                line["content"]["target_name"] = "other"
        return lines

    changed(file, change)
    status, said = verify(file, "--key", keys()[0].public.hex())
    assert status == 1
    assert f"Entry {trail[0].pk} of seal 1 was erased without a key that you trust." in said


def test_the_script_needs_nothing_else(file):
    script = Path(__file__).resolve().parents[3] / "scripts" / "verify_audit.py"
    command = [sys.executable, "-I", "-S", str(script), str(file)]
    assert subprocess.run(command, capture_output=True, env={}, check=False).returncode == 0


def test_an_erasure_is_the_same_when_asked_again(trail):
    first = erase()
    write(ADA, "more")
    seal_waiting()
    again = erase()
    assert (again.pk, again.pseudonym) == (first.pk, first.pseudonym)
    assert Erasure.objects.count() == 1
    assert tables_holding("ada@example.org;") == []
