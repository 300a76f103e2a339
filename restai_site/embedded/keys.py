"""Secrets of an installation: made once, kept in files that only their owner can read."""

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path


def random_text() -> str:
    """Return 64 random bytes as URL-safe text."""
    return secrets.token_urlsafe(64)


def password() -> str:
    """Return 32 random bytes as hexadecimal digits, which need no quoting anywhere."""
    return secrets.token_hex(32)


def fernet_key() -> str:
    """Return a new key for FIELD_ENCRYPTION_KEY."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode("ascii")


def kept(file: Path, make: Callable[[], str]) -> str:
    """Return what `file` holds; when it is absent, keep what `make` returns there first."""
    if not file.exists():
        write_private(file, make())
    return file.read_text(encoding="utf-8").strip()


def write_private(file: Path, text: str) -> None:
    """Replace `file` in one step with `text`, readable and writable by its owner alone."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
