"""What may be installed: exact releases with hashes, from the index alone, none known bad."""

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from supply_chain.check import ROOT, main
from supply_chain.requirements import read_compiled

DIGEST = "0123456789abcdef" * 4
HASH = f"--hash=sha256:{DIGEST}"
GOOD = f"""# Written by a compiler.
litellm==1.106.2 \\
    --hash=sha256:{DIGEST} \\
    {HASH}
    # via -r requirements.in
six==1.17.0 ; python_full_version < '3.12' \\
    {HASH}
    # via
    #   -c requirements.txt
    #   litellm
"""
SHA512 = "sha512-" + base64.b64encode(b"a" * 64).decode()


@pytest.fixture
def folder(tmp_path):
    """A small checkout in which everything is as it should be; the tests spoil one thing."""
    (tmp_path / "requirements.in").write_text("# Exact.\nlitellm==1.106.2\n")
    (tmp_path / "requirements.txt").write_text(GOOD)
    write_lock(tmp_path, {})
    return tmp_path


def write_lock(folder, entry, **values):
    wanted = {"htmx.org": "4.0.1"}
    packages = {
        "": {"devDependencies": wanted},
        "node_modules/htmx.org": {"version": "4.0.1", "integrity": SHA512} | entry,
    }
    (folder / "package.json").write_text(json.dumps({"devDependencies": wanted}))
    lock = {"lockfileVersion": 3, "packages": packages} | values
    (folder / "package-lock.json").write_text(json.dumps(lock))


def problems(folder, capsys):
    """Return what the check says; it must have failed."""
    assert main([str(folder)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    return said.err.splitlines()


def test_what_this_repository_pins_is_in_order(capsys):
    assert main([]) == 0
    files = sorted(path.name for path in ROOT.glob("requirements*.txt"))
    assert len(files) == 7
    pins = sum(len(read_compiled(ROOT / name).requirements) for name in files)
    assert pins > 200
    assert f"{pins} requirements in 7 files are pinned" in capsys.readouterr().out


def test_it_needs_nothing_but_python():
    command = [sys.executable, "-I", "-S", ROOT / "scripts" / "check-requirements"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_good_files_pass(folder, capsys):
    assert main([str(folder)]) == 0
    assert capsys.readouterr().out == (
        "2 requirements in 1 files are pinned with hashes; none is known bad.\n"
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"six {HASH}", "'six' is not pinned to one version with ==."),
        (f"six>=1.17.0 {HASH}", "'six>=1.17.0' is not pinned"),
        (f"six==1.* {HASH}", "'six==1.*' is not pinned"),
        (f"six===1.17.0 {HASH}", "'six===1.17.0' is not pinned"),
        (f"six==1.17.0,==1.16.0 {HASH}", "is not pinned"),
        (f"six==1.17.0+local {HASH}", "is not pinned"),
        ("six==1.17.0", "six has no hash; run: make requirements"),
        (f"six==1.17.0 --hash=md5:{DIGEST[:32]}", "six has something else than sha256 hashes"),
        (f"six==1.17.0 {HASH} --hash=sha256:{DIGEST[:-1]}", "something else than sha256"),
        (f"six==1.17.0 {HASH} --no-binary=six", "something else than sha256"),
        ("--index-url https://packages.example/simple", "the option --index-url is not allowed"),
        ("--extra-index-url=https://packages.example", "the option --extra-index-url is not"),
        ("-i https://packages.example", "the option -i is not allowed"),
        ("--find-links wheels", "the option --find-links is not allowed"),
        ("--trusted-host packages.example", "the option --trusted-host is not allowed"),
        ("--pre", "the option --pre is not allowed"),
        ("-r other.txt", "the option -r is not allowed"),
        ("-e .", "the option -e is not allowed"),
        ("--editable=./six", "the option --editable is not allowed"),
        (f"six @ https://packages.example/six.whl {HASH}", "from an address or a folder"),
        (f"https://packages.example/six.whl {HASH}", "from an address or a folder"),
        ("git+ssh://git@code.example/six@1.17.0", "from an address or a folder"),
        ("six @ file:six.whl", "from an address or a folder"),
        ("./six.whl", "from an address or a folder"),
        (f"six==${{SIX_VERSION}} {HASH}", "variables are not allowed"),
        ("six==1.17.0 \\\n    # via litellm", "six has no hash"),
    ],
)
def test_anything_but_a_pin_with_hashes_is_refused(folder, capsys, line, words):
    (folder / "requirements.txt").write_text(GOOD + line + "\n")
    (found,) = problems(folder, capsys)
    assert found.startswith("requirements.txt:11: ")
    assert words in found


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8", "1.82.7.0"])
@pytest.mark.parametrize("name", ["litellm", "LiteLLM"])
def test_the_malicious_releases_of_litellm_are_refused(folder, capsys, name, version):
    text = GOOD.replace("litellm==1.106.2", f"{name}=={version}")
    (folder / "requirements.txt").write_text(text)
    (folder / "requirements.in").write_text("litellm\n")
    (found,) = problems(folder, capsys)
    assert found == (
        f"requirements.txt:2: litellm {version.removesuffix('.0')} is malicious: it steals the "
        "keys and passwords of the machine (BerriAI/litellm issue 24518)."
    )


def test_a_malicious_release_is_refused_where_people_write_it_too(folder, capsys):
    (folder / "requirements.in").write_text("litellm == 1.82.7\n")
    first, second = problems(folder, capsys)
    assert first.startswith("requirements.in:1: litellm 1.82.7 is malicious")
    assert second == (
        "requirements.in:1: litellm 1.82.7 is 1.106.2 in requirements.txt; run: make requirements"
    )


def test_what_is_wanted_must_be_compiled(folder, capsys):
    (folder / "requirements.in").write_text("litellm\nDjango>=5.2,<5.3\ncelery[redis]\nSIX\n")
    assert problems(folder, capsys) == [
        "requirements.in:2: django is not in requirements.txt; run: make requirements",
        "requirements.in:3: celery is not in requirements.txt; run: make requirements",
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--index-url https://packages.example", "the option --index-url is not allowed here."),
        ("-e .", "the option -e is not allowed here."),
        ("-c https://packages.example/list.txt", "the option -c is not allowed here."),
        ("six @ git+https://code.example/six", "from an address or a folder"),
        ("six==${VERSION}", "variables are not allowed"),
        ("six seven", "'six seven' is no name with limits."),
    ],
)
def test_what_people_write_names_releases_of_the_index_alone(folder, capsys, line, words):
    (folder / "requirements.in").write_text(f"-c requirements.txt\nlitellm\n{line}\n")
    (found,) = problems(folder, capsys)
    assert found.startswith("requirements.in:3: ")
    assert words in found


def test_a_file_without_its_other_half_is_refused(folder, capsys):
    shutil.copy(folder / "requirements.txt", folder / "requirements-extra.txt")
    (folder / "requirements-more.in").write_text("six\n")
    assert problems(folder, capsys) == [
        "requirements-extra.txt:0: it has no .in file that it is compiled from.",
        "requirements-more.in:1: six is not in requirements-more.txt; run: make requirements",
    ]


def test_a_folder_without_requirements_is_refused(folder, capsys):
    (folder / "requirements.txt").unlink()
    (folder / "requirements.in").unlink()
    (found,) = problems(folder, capsys)
    assert "there are no requirements in" in found


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"integrity": ""}, "node_modules/htmx.org has no sha512 integrity."),
        ({"integrity": "sha1-" + SHA512[7:]}, "has no sha512 integrity."),
        ({"integrity": SHA512[:-4]}, "has no sha512 integrity."),
        ({"integrity": "sha512-no digest"}, "has no sha512 integrity."),
        ({"link": True}, "names where it comes from"),
        ({"resolved": "https://packages.example/htmx.tgz"}, "names where it comes from"),
        ({"resolved": "git+ssh://git@code.example/htmx.git"}, "names where it comes from"),
        ({"version": "4.0.0"}, "htmx.org is not pinned to the 4.0.1 of package.json."),
    ],
)
def test_a_browser_library_without_a_strong_hash_is_refused(folder, capsys, entry, words):
    write_lock(folder, entry)
    (found,) = problems(folder, capsys)
    assert found.startswith("package-lock.json:0: ")
    assert words in found


def test_a_lock_of_another_list_is_refused(folder, capsys):
    (folder / "package.json").write_text('{"devDependencies": {"htmx.org": "4.0.2"}}')
    assert problems(folder, capsys) == [
        "package-lock.json:0: it is not of this package.json; run: npm install",
        "package-lock.json:0: htmx.org is not pinned to the 4.0.2 of package.json.",
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"packages": 1}'])
def test_a_lock_that_cannot_be_read_is_refused(folder, capsys, text):
    (folder / "package-lock.json").write_text(text)
    (found,) = problems(folder, capsys)
    assert "cannot be read" in found


def test_the_reader_sees_markers_hashes_and_who_needs_what(folder):
    first, second = read_compiled(Path(folder, "requirements.txt")).requirements
    assert (first.name, first.version, first.line) == ("litellm", "1.106.2", 2)
    assert first.hashes == (DIGEST, DIGEST)
    assert first.needed_by == ["-r requirements.in"]
    assert second.marker == "python_full_version < '3.12'"
    assert second.needed_by == ["-c requirements.txt", "litellm"]
