"""An export, and the script that verifies it with Python alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit.chain.keys import keys
from audit.models import Entry
from audit.tests.chain.trail import sealed, sql

pytestmark = pytest.mark.django_db(transaction=True)
SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "verify_audit.py"


@pytest.fixture
def mark():
    return sealed(3, 2)


@pytest.fixture
def file(mark, tmp_path):
    path = tmp_path / "audit.jsonl"
    call_command("export_audit", str(path))
    return path


def verify(file, *arguments):
    """Run the script as somebody who has nothing but it and Python."""
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(file), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, env={}, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def changed(file, change):
    """Write the lines anew, as `change` returns them."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    text = "".join(
        json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n" for line in change(lines)
    )
    file.write_text(text)


def test_an_export_holds(file, mark, tmp_path):
    kept = tmp_path / "checkpoint.json"
    kept.write_bytes(mark.to_json())
    status, said = verify(file, "--key", keys()[0].public.hex(), "--checkpoint", kept)
    assert status == 0, said
    assert said.startswith(f"Entries: 5. Seals: 2. Last hash: {mark.hash}")
    assert said.endswith("The export is as it was sealed.\n")


def test_names_beyond_ascii_and_odd_values_hold(tmp_path):
    from audit.tests.chain.trail import seal_waiting, write

    write(1, größe=1.5, 日本="\u202e🦊\x00", n=-0.0, small=1e-9, large=2**80)
    seal_waiting()
    path = tmp_path / "odd.jsonl"
    call_command("export_audit", str(path))
    assert verify(path)[0] == 0


def test_the_export_leaves_an_entry_and_is_for_its_owner_alone(file):
    assert Entry.objects.acts().latest("id").action == "audit.export"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_not_overwritten(file):
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_audit", str(file))


def test_without_a_key_of_ones_own_it_says_whom_it_believes(file):
    assert "name the ones you trust" in verify(file)[1]


def test_another_key_is_not_believed(file):
    status, said = verify(file, "--key", "00" * 32)
    assert status == 1
    assert "Seal 1 was made by somebody without a key you trust." in said


def edit_entry(lines):
    lines[2]["content"]["actor_email"] = "somebody@example.org"
    return lines


def cut(lines):
    lines[-1]["end"]["seals"] = 1
    return [*lines[:5], lines[-1]]


ATTACKS = {
    "an edited row": (edit_entry, "was changed."),
    "a row taken out": (lambda lines: [*lines[:2], *lines[3:]], "is gone."),
    "a row twice": (lambda lines: [*lines[:3], *lines[2:]], "is gone."),
    "a row behind the last": (lambda lines: [*lines[:5], lines[4], *lines[5:]], "in no seal."),
    "rows in another order": (
        lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
        "is gone.",
    ),
    "a seal taken out": (lambda lines: [lines[0], *lines[5:]], "some are gone."),
    "no end": (lambda lines: lines[:-1], "it was cut."),
    "a cut end": (cut, "of the checkpoint is gone: the end was cut."),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_export_that_was_touched_is_told(file, mark, tmp_path, name):
    change, said = ATTACKS[name]
    kept = tmp_path / "checkpoint.json"
    kept.write_bytes(mark.to_json())
    changed(file, change)
    status, told = verify(file, "--checkpoint", kept)
    assert (status, said in told) == (1, True), told


def test_an_export_of_tables_that_were_touched_is_told(mark, tmp_path):
    victim = Entry.objects.order_by("id")[1].pk
    sql("UPDATE audit_entry SET status = 500 WHERE id = %s", [victim])
    path = tmp_path / "audit.jsonl"
    call_command("export_audit", str(path))
    status, told = verify(path)
    assert (status, f"Entry {victim} of seal 1 was changed." in told) == (1, True)


@pytest.mark.parametrize("text", ["", "{}", "no", '{"format": "restai audit export 1"}'])
def test_what_is_no_export_is_refused(tmp_path, text):
    path = tmp_path / "other"
    path.write_text(text)
    status, told = verify(path)
    assert (status, "Traceback" in told) == (2, False)
