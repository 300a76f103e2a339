"""The way to a new encryption key as docs/operations.md tells it, on an installation of `make run`.

The commands are those of the document.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from restai_site.embedded import keys, postgres, processes, valkey
from restai_site.tests.test_embedded_run import COMMAND, ROOT, Launcher
from restai_site.tests.test_lost_key_start import SENTENCE

pytestmark = pytest.mark.slow

DOCUMENT = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
BLOCKS = [block.strip() for block in re.findall(r"(?ms)^ *```\n(.*?)^ *```", DOCUMENT)]
SECRET = "sk-kept-through-a-rotation"
MAKE_A_SECRET = (
    "from catalog.services import create_provider; from restai_site.lib.actor import Actor; "
    f"create_provider(dict(name='P', kind='openai', api_key={SECRET!r}), actor=Actor.system('t'))"
)
READ_THE_SECRET = (
    "from catalog.models import ProviderAccount; print(ProviderAccount.objects.get().api_key)"
)


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="restai-rotation-", dir="/tmp") as name:
        Path(name).chmod(0o711)
        data = Path(name) / "data"
        yield data
        processes.end(processes.owned_by(data))
        valkey.stop(data / "valkey")
        postgres.remove(data / "postgres")


@pytest.fixture
def launch(folder):
    started = []

    def start():
        started.append(Launcher(folder, RESTAI_EMBEDDED_MODEL="0"))
        return started[-1]

    yield start
    for launcher in started:
        launcher.ensure_ended()


def manage(folder, words: str) -> subprocess.CompletedProcess:
    """Run `manage.py` with the lines of the document around it."""
    (block,) = [one for one in BLOCKS if "var/secrets" in one]
    script = block.replace("var/secrets", str(folder / "secrets"))
    script = script.replace(".venv/bin/python", sys.executable)
    script, count = re.subn(r"rotate_encryption_key --check$", words, script)
    assert count == 1
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(
        ["bash", "-ec", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def new_key() -> str:
    """Return what the command of the document prints."""
    (command,) = [one for one in BLOCKS if one.startswith("python3 -c")]
    made = subprocess.run(["bash", "-ec", command], capture_output=True, text=True, check=True)
    return made.stdout.strip()


def test_the_way_that_the_document_tells(folder, launch):
    first = launch()
    assert manage(folder, f'shell --verbosity 0 -c "{MAKE_A_SECRET}"').returncode == 0
    file = folder / "secrets" / "FIELD_ENCRYPTION_KEY"
    old, new = file.read_text().strip(), new_key()
    first.interrupt()

    keys.write_private(file, new)
    refused = subprocess.run(
        COMMAND, cwd=ROOT, env=first.environment, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert refused.stderr == f"{SENTENCE}\nThe start ended here: see the lines above.\n"

    keys.write_private(file, f"{new},{old}")
    second = launch()
    assert second.get("/health/ready") == 200
    assert manage(folder, "rotate_encryption_key --check").returncode == 1
    rotated = manage(folder, "rotate_encryption_key")
    assert rotated.returncode == 0, rotated.stderr
    assert "The older keys may now be removed from FIELD_ENCRYPTION_KEY." in rotated.stdout
    second.interrupt()

    keys.write_private(file, new)
    third = launch()
    assert third.get("/health/ready") == 200
    assert manage(folder, f'shell --verbosity 0 -c "{READ_THE_SECRET}"').stdout == f"{SECRET}\n"
    assert third.interrupt() == 0
