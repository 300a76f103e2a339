"""Pytest plugin: the engines the tests run on, and the environment that names them.

Loaded with `-p`, before Django's settings are read. With DATABASE_URL and REDIS_URL set, those
are used; otherwise real, throw-away ones are started, once for all workers.
"""

import base64
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from restai_site.tests import loopback

OWNER = "RESTAI_TEST_ENGINES"
WORKER = "PYTEST_XDIST_WORKER"


def _secret() -> str:
    return secrets.token_urlsafe(64)


def _start() -> None:
    for name in ("SECRET_KEY", "API_KEY_PEPPER"):
        os.environ.setdefault(name, _secret())
    for name in ("FIELD_ENCRYPTION_KEY", "AUDIT_KEY"):
        os.environ.setdefault(name, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    # The test's own thread does the database work, so that it happens inside its transaction.
    os.environ["DATABASE_THREADS"] = "0"
    # Writes in the test's own process are seen at once; queries that come by the clock would make
    # the numbers of queries differ.
    os.environ["SETTINGS_REFRESH_MILLISECONDS"] = "1000"
    os.environ["ALLOWED_HOSTS"] = "testserver,localhost,127.0.0.1"
    loopback.reserve()
    if WORKER in os.environ:
        _take_a_redis_database(int(os.environ[WORKER].removeprefix("gw")) + 1)
    if OWNER in os.environ or WORKER in os.environ:
        return
    folder = Path(tempfile.mkdtemp(prefix="restai-test-"))
    folder.chmod(0o755)
    os.environ[OWNER] = f"{os.getpid()}:{folder}"
    from restai_site.embedded import postgres, valkey

    if "DATABASE_URL" not in os.environ:
        os.environ["DATABASE_URL"] = postgres.start(folder / "postgres", durable=False)
    if "REDIS_URL" not in os.environ:
        os.environ["REDIS_URL"] = valkey.start(folder / "valkey")


def _take_a_redis_database(number: int) -> None:
    """Point this worker at a database of its own; pytest-django does the same for PostgreSQL."""
    parts = urlsplit(os.environ["REDIS_URL"])
    os.environ["REDIS_URL"] = parts._replace(path=f"/{number}").geturl()


def pytest_unconfigure() -> None:
    """Stop what `_start` started, in the process that started it."""
    pid, _, folder = os.environ.get(OWNER, "").partition(":")
    if pid != str(os.getpid()):
        return
    from restai_site.embedded import postgres, valkey

    postgres.remove(Path(folder) / "postgres")
    valkey.stop(Path(folder) / "valkey")
    shutil.rmtree(folder, ignore_errors=True)


_start()
