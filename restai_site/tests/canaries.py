"""Canaries: secrets of the tests, each of them unlike anything else, and the search for them.

`canary("provider key")` is what the cast of the tests uses wherever a secret is wanted. From then
on no answer, log line, mail, audit entry, cache or statement to the database may hold it, plain or
in one of the forms in which text travels.
"""

import base64
import logging
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from urllib.parse import quote

from django.conf import settings

# Secrets by what they are: those of the whole run, and those of the tests that run now. Everything
# in here is looked for.
_canaries: dict[str, str] = {}
_passing: dict[str, str] = {}


def canary(name: str) -> str:
    """Return the secret called `name`, the same one for the whole run."""
    if name not in _canaries:
        _canaries[name] = f"canary-{name.replace(' ', '-')}-{secrets.token_hex(12)}"
    return _canaries[name]


def watch(name: str, secret: str) -> str:
    """Look for `secret` too until the test ends, and return it."""
    _passing[name] = secret
    return secret


@contextmanager
def watching() -> Iterator[None]:
    """Stop looking, at the end, for what was begun to be looked for inside.

    What a test has made is gone with it, and each statement is searched for each secret.
    """
    before = dict(_passing)
    try:
        yield
    finally:
        _passing.clear()
        _passing.update(before)


def leaks(found: str | bytes) -> list[str]:
    """Return the names of the secrets that `found` holds, in whatever form."""
    text = found if isinstance(found, bytes) else found.encode("utf-8", "backslashreplace")
    return [name for name, secret in _watched() if any(form in text for form in forms(secret))]


@lru_cache(maxsize=4096)
def forms(secret: str) -> tuple[bytes, ...]:
    """Return the ways in which `secret` may be spelled: plain, escaped, hex, base64."""
    raw = secret.encode()
    spelled = {raw, quote(secret, safe="").encode(), raw.hex().encode(), raw[::-1]}
    for shift in range(3):
        # In base64 a text looks different with each of three beginnings; its edges depend on what
        # stands beside it.
        packed = base64.b64encode(b"\0" * shift + raw)[4:-4]
        spelled |= {packed, packed.replace(b"+", b"-").replace(b"/", b"_")}
    return tuple(spelled)


def _watched() -> Iterable[tuple[str, str]]:
    yield from _canaries.items()
    yield from _passing.items()
    yield "SECRET_KEY", settings.SECRET_KEY
    yield "API_KEY_PEPPER", settings.API_KEY_PEPPER
    for key in settings.FIELD_ENCRYPTION_KEY:
        yield "FIELD_ENCRYPTION_KEY", key
    for key in settings.AUDIT_KEY:
        yield "AUDIT_KEY", key


class CanaryHandler(logging.Handler):
    """Collects what is logged with a secret in it, at whatever level, traces included."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        self.found += [f"{name} in a line of {record.name}" for name in leaks(line)]


class StatementWatch:
    """An execute wrapper: no secret is handed to the database as it is."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def __call__(self, execute, sql, params, many, context):
        self.found += [f"{name} in {sql[:80]}" for name in leaks(f"{sql} {params!r}")]
        return execute(sql, params, many, context)
