"""A small copy of the checkout, in which the very commands of the Makefile are run."""

import os
import shutil
import subprocess
from pathlib import Path

from supply_chain.check import ROOT

PARTS = (
    "Makefile",
    "pyproject.toml",
    ".secrets.baseline",
    "scripts",
    "supply_chain",
    ".env.example",
)


def recipe(target: str, words: str) -> str:
    """Return the one command of `make target` in which `words` stand."""
    plan = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    (command,) = [line for line in plan.splitlines() if words in line]
    return command


def run(command: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of the Makefile in `folder`, as make would."""
    values = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return subprocess.run(
        ["/bin/bash", "-c", command],
        cwd=folder,
        env=values | {"CI": ""} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def small_copy(folder: Path) -> Path:
    """Copy what the commands read into `folder`; the environment is this one's."""
    # The tests hold what is to be found: the copy is clean without them.
    ignored = shutil.ignore_patterns("__pycache__", "tests")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=ignored)
        else:
            shutil.copy(source, folder / part)
    (folder / ".venv").symlink_to((ROOT / ".venv").resolve())
    return folder
