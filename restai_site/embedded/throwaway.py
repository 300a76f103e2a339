"""Runs a command on throw-away engines: `python -m restai_site.embedded.throwaway COMMAND ...`.

For checks that need settings which load and a database that answers, and leave nothing behind. With
`--durable` in front of the command the database commits as safely as a real one, for measuring.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from restai_site.embedded import postgres, valkey
from restai_site.embedded.installation import OPEN_TO_PASS, SECRETS

DURABLE = "--durable"


@contextlib.contextmanager
def environment(*, durable: bool = False) -> Iterator[dict[str, str]]:
    """Yield an environment with fresh secrets, and with the URLs of engines that live as long."""
    folder = Path(tempfile.mkdtemp(prefix="restai-"))
    folder.chmod(OPEN_TO_PASS)
    try:
        secrets = {name: make() for name, make in SECRETS.items()}
        database = postgres.start(folder / "postgres", durable=durable)
        redis = valkey.start(folder / "valkey", durable=False)
        yield dict(os.environ) | secrets | {"DATABASE_URL": database, "REDIS_URL": redis}
    finally:
        valkey.stop(folder / "valkey")
        postgres.remove(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)


def main(command: Sequence[str]) -> int:
    """Run `command` and return its exit status."""
    durable = command[:1] == [DURABLE]
    with environment(durable=durable) as variables:
        command = command[1:] if durable else command
        return subprocess.run(command, env=variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
