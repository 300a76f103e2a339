"""The audit against known weaknesses counts only when every package was looked up."""

import shlex

import pytest

from supply_chain.tests.makefile import recipe, run, small_copy

AUDIT = recipe("audit", "scripts/audit")
# Nothing listens there: whatever is to be looked up over the network cannot be.
NO_NETWORK = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")


@pytest.fixture
def copy(tmp_path):
    folder = small_copy(tmp_path)
    (folder / "requirements.txt").write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    return folder


@pytest.fixture
def with_auditor(copy):
    """Return a function: the copy with an auditor that notes its words and ends as told."""

    def make(script):
        program = copy / "bin" / "python"
        program.parent.mkdir()
        program.write_text(f'#!/bin/bash\necho "$*" >>calls\n{script}\n')
        program.chmod(0o755)
        (copy / ".venv").unlink()
        (copy / ".venv").mkdir()
        (copy / ".venv" / "bin").symlink_to(program.parent)
        (copy / "requirements-dev.txt").write_text("")
        return copy

    return make


def test_where_nothing_can_be_looked_up_the_audit_fails_and_says_so(copy):
    done = run(AUDIT, copy, HOME=str(copy), **NO_NETWORK)
    assert done.returncode == 1
    assert "Not audited: requirements.txt." in done.stderr
    assert "This proves nothing about them." in done.stderr
    assert "No known weakness" not in done.stdout


def test_every_file_is_audited_strictly(with_auditor):
    folder = with_auditor("exit 0")
    done = run(AUDIT, folder)
    assert done.returncode == 0
    assert done.stdout.endswith("No known weakness in anything that is pinned.\n")
    calls = [shlex.split(line) for line in (folder / "calls").read_text().splitlines()]
    assert [words[-1] for words in calls] == ["requirements-dev.txt", "requirements.txt"]
    for words in calls:
        assert words[:2] == ["-m", "pip_audit"]
        assert {"--strict", "--require-hashes", "--disable-pip"} <= set(words)


def test_a_weakness_in_one_file_fails_and_the_others_are_audited_still(with_auditor):
    folder = with_auditor('case "$*" in *-dev.txt) echo "six 1.17.0 PYSEC-1"; exit 1;; esac')
    done = run(AUDIT, folder)
    assert done.returncode == 1
    assert "six 1.17.0 PYSEC-1" in done.stdout
    assert done.stderr == (
        "Known weaknesses in requirements-dev.txt: take releases without them with "
        "make requirements.\n"
    )
    assert len((folder / "calls").read_text().splitlines()) == 2
