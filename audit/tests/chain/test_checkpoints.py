"""The mark outside the database: never lowered, never moved to another chain."""

import json
import stat
from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from audit.chain import checkpoints
from audit.chain.checkpoints import BadCheckpoint, Discontinued
from audit.chain.rounds import seal_and_tell as seal
from audit.models import Seal
from audit.tests.chain.trail import sealed, sql, write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def file(settings, tmp_path):
    path = tmp_path / "checkpoint.json"
    settings.AUDIT_CHECKPOINT_FILE = str(path)
    return path


def verified(*arguments):
    """Return how the command ended, and what it said."""
    out = StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_each_round_tells_the_newest_seal(file):
    write(3)
    seal()
    first = checkpoints.told()
    write()
    seal()
    second = checkpoints.told()
    assert (first.number, second.number) == (1, 2)
    assert second.hash == Seal.objects.latest("number").hash
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_nothing_new_tells_nothing(file):
    seal()
    assert not file.exists()


def test_an_older_seal_does_not_replace_a_newer_one(file):
    write()
    seal()
    older = Seal.objects.get()
    write()
    seal()
    checkpoints.tell(older)
    assert checkpoints.told().number == 2


def test_the_mark_stays_when_the_table_is_emptied(file, caplog):
    write(2)
    seal()
    write(2)
    seal()
    sql("TRUNCATE audit_entry, audit_seal, audit_unsealed")
    for _ in range(4):
        write()
        seal()
    assert checkpoints.told().number == 2
    assert "is not in the chain" in caplog.text
    with pytest.raises(Discontinued):
        checkpoints.tell(Seal.objects.latest("number"))
    status, said = verified()
    assert status == 1
    assert "Seal 2 is not the one that was told outside the database." in said


def test_a_place_that_cannot_be_written_does_not_stop_the_chain(settings, tmp_path, caplog):
    settings.AUDIT_CHECKPOINT_FILE = str(tmp_path / "missing" / "checkpoint.json")
    write()
    seal()
    assert Seal.objects.count() == 1
    assert "was not written" in caplog.text


@pytest.mark.parametrize(
    "change",
    [{"hash": "0" * 64}, {"signature": "00" * 64}, {"signature": "x"}, {"key": "0" * 16}],
)
def test_a_forged_checkpoint_is_none(file, change):
    write()
    seal()
    made = checkpoints.told()
    assert made is not None
    file.write_bytes(replace(made, **change).to_json())
    with pytest.raises(BadCheckpoint):
        checkpoints.told()
    with pytest.raises(CommandError):
        verified()


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"number": 1}', b"\xff"])
def test_what_is_no_checkpoint_is_refused(file, text):
    file.write_bytes(text)
    with pytest.raises(BadCheckpoint):
        checkpoints.told()


class TestCommand:
    def test_a_trail_that_holds(self, file):
        write(3)
        seal()
        write()
        status, said = verified()
        assert status == 0
        assert said.startswith("Entries: 3. Seals: 1. Not sealed yet: 1.")
        assert said.endswith("The trail is as it was written.\n")

    def test_without_a_checkpoint_it_says_what_it_cannot_see(self, settings):
        settings.AUDIT_CHECKPOINT_FILE = ""
        sealed(1)
        assert "a cut end or an emptied table would not show" in verified()[1]

    def test_a_row_that_was_changed_is_named(self, file):
        write(3)
        seal()
        sql("UPDATE audit_entry SET action = 'x' WHERE id = (SELECT max(id) FROM audit_entry)")
        status, said = verified()
        assert status == 1
        assert f"Entry {Seal.objects.get().entry_ids[-1]} of seal 1 was changed" in said
        assert "as it was written" not in said

    def test_for_programs(self, file):
        write(3)
        seal()
        status, said = verified("--json")
        told = json.loads(said)
        assert (status, told["holds"], told["entries"], told["checkpoints"]) == (0, True, 3, [1])

    def test_a_checkpoint_that_was_kept_elsewhere(self, settings, tmp_path):
        settings.AUDIT_CHECKPOINT_FILE = ""
        kept = tmp_path / "elsewhere.json"
        kept.write_bytes(sealed(2, 2).to_json())
        assert verified("--checkpoint", str(kept))[0] == 0
        sql("DELETE FROM audit_seal WHERE number = 2")
        assert verified("--checkpoint", str(kept))[0] == 1
