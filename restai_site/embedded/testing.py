"""A pytest plugin (`-p restai_site.embedded.testing`): throw-away engines for a test run.

Starts PostgreSQL and Valkey in a temporary folder unless DATABASE_URL and REDIS_URL name others,
and sets the variables without which the settings do not load. It does so before pytest-django
loads the settings, and once for all processes of pytest-xdist.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from restai_site.embedded import keys, postgres, valkey

# Below the default folder for temporary files, which a long TMPDIR would replace with a path that
# is too long for a socket.
FOLDER = Path("/tmp")  # noqa: S108 - mkdtemp makes a private folder in it


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """Set the environment, before any settings are read."""
    _set_secrets()
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is not None:
        _take_redis_database(int(worker.removeprefix("gw")) + 1)
        return (yield)
    folder = Path(tempfile.mkdtemp(prefix="restai-test-", dir=FOLDER))
    _cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
    try:
        _start(folder)
        return (yield)
    except BaseException:
        _cleanup.close()
        raise


def pytest_unconfigure() -> None:
    """Stop what was started."""
    _cleanup.close()


_cleanup = contextlib.ExitStack()


def _start(folder: Path) -> None:
    if not _is_set("DATABASE_URL"):
        _cleanup.callback(postgres.remove, folder / "postgres")
        os.environ["DATABASE_URL"] = postgres.start(folder / "postgres", durable=False)
    if not _is_set("REDIS_URL"):
        _cleanup.callback(valkey.stop, folder / "valkey")
        os.environ["REDIS_URL"] = valkey.start(folder / "valkey", durable=False)


def _set_secrets() -> None:
    if not _is_set("SECRET_KEY"):
        os.environ["SECRET_KEY"] = keys.random_text()
    if not _is_set("API_KEY_PEPPER"):
        os.environ["API_KEY_PEPPER"] = keys.random_text()
    if not _is_set("FIELD_ENCRYPTION_KEY"):
        os.environ["FIELD_ENCRYPTION_KEY"] = keys.fernet_key()


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def _take_redis_database(number: int) -> None:
    """Point this process at a database of Valkey of its own."""
    parts = urlsplit(os.environ["REDIS_URL"])
    os.environ["REDIS_URL"] = parts._replace(path=f"/{number}").geturl()
