"""Typed access to the environment.

Every variable NAME may instead be given as NAME_FILE, the path of a file that holds the value:
the form in which Docker and Kubernetes hand over secrets.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from cryptography.fernet import Fernet

SECRET_KEY_MIN_LENGTH = 50
SECRET_MIN_DISTINCT_CHARACTERS = 12
# Values that stand in .env.example or in well-known tutorials: everybody knows them.
PUBLISHED_SAMPLES = frozenset(
    {
        "replace-me-with-50-or-more-random-characters-0123456789abcdef",
        "cmVwbGFjZS1tZS13aXRoLWEtcmVhbC1mZXJuZXQta2V5ISE=",
    }
)
HOW_TO_MAKE_SECRET = 'python3 -c "import secrets; print(secrets.token_urlsafe(64))"'  # noqa: S105 - a command
HOW_TO_MAKE_FERNET_KEY = (
    'python3 -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'
)
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})


class ConfigurationError(SystemExit):
    """A value of the environment is missing, wrong or weak.

    Leaves the process with one sentence on standard error and no stack trace.
    """


class Environment:
    """Reads typed values from `source` (the process environment unless given)."""

    def __init__(self, source: Mapping[str, str] | None = None) -> None:
        self._source = os.environ if source is None else source

    def text(self, name: str, default: str | None = None) -> str:
        """Return NAME, or what the file NAME_FILE holds, or `default`.

        Raises ConfigurationError when both forms are given, the file cannot be read, or nothing is
        given and there is no default.
        """
        value = self._raw(name)
        if value is not None:
            return value
        if default is None:
            raise ConfigurationError(f"Set {name} (or {name}_FILE): see .env.example.")
        return default

    def optional(self, name: str) -> str | None:
        """Return NAME, or None when it is absent or empty."""
        return self._raw(name)

    def integer(self, name: str, default: int, *, least: int = 0, most: int = 1_000_000_000) -> int:
        """Return NAME as a whole number between `least` and `most`."""
        raw = self._raw(name)
        if raw is None:
            return default
        try:
            value = int(raw)
        except ValueError:
            raise ConfigurationError(f"{name} must be a whole number, not {raw!r}.") from None
        if not least <= value <= most:
            raise ConfigurationError(f"{name} must be between {least} and {most}, not {value}.")
        return value

    def boolean(self, name: str, *, default: bool) -> bool:
        """Return NAME as a truth value (1/true/yes/on or 0/false/no/off)."""
        raw = self._raw(name)
        if raw is None:
            return default
        word = raw.lower()
        if word in TRUE_WORDS | FALSE_WORDS:
            return word in TRUE_WORDS
        raise ConfigurationError(f"{name} must be true or false, not {raw!r}.")

    def listing(self, name: str, default: str = "") -> list[str]:
        """Return NAME, separated by commas, without empty entries."""
        return [part.strip() for part in self.text(name, default).split(",") if part.strip()]

    def choice(self, name: str, default: str, options: tuple[str, ...]) -> str:
        """Return NAME, which must be one of `options`."""
        value = self.text(name, default)
        if value not in options:
            raise ConfigurationError(f"{name} must be one of {', '.join(options)}, not {value!r}.")
        return value

    def url(self, name: str, schemes: tuple[str, ...], default: str | None = None) -> str:
        """Return NAME, an address that begins with one of `schemes` and names a host or a path."""
        value = self.text(name, default)
        if not _is_url(value, schemes):
            raise ConfigurationError(
                f"{name} must be an address that begins with {_alternatives(schemes)}."
            )
        return value

    def origins(self, name: str) -> list[str]:
        """Return NAME as a list of web origins, separated by commas."""
        values = self.listing(name)
        if not all(_is_url(value, ("https", "http")) for value in values):
            raise ConfigurationError(
                f"{name} must list origins such as https://chat.example.org, separated by commas."
            )
        return values

    def secret(self, name: str) -> str:
        """Return NAME, a random text of at least 50 characters."""
        value = self._required_secret(name, HOW_TO_MAKE_SECRET)
        if _is_weak(value):
            raise ConfigurationError(
                f"{name} is too weak: it needs at least {SECRET_KEY_MIN_LENGTH} random characters; "
                f"make one with: {HOW_TO_MAKE_SECRET}"
            )
        return value

    def fernet_keys(self, name: str) -> list[str]:
        """Return NAME as a list of Fernet keys, newest first, separated by commas."""
        value = self._required_secret(name, HOW_TO_MAKE_FERNET_KEY)
        keys = [key.strip() for key in value.split(",") if key.strip()]
        if not keys or not all(_is_fernet_key(key) for key in keys):
            raise ConfigurationError(
                f"{name} is not a Fernet key (32 random bytes, base64); "
                f"make one with: {HOW_TO_MAKE_FERNET_KEY}"
            )
        return keys

    def postgres(self, name: str) -> dict[str, Any]:
        """Return the Django database settings for the URL in NAME.

        Understands `postgresql://user:password@host:port/name?sslmode=…` and, for sockets,
        `postgresql://user@/name?host=/folder`.
        """
        parts = _database_parts(self.text(name))
        if parts is None:
            raise ConfigurationError(
                f"{name} must look like postgresql://user:password@host:5432/name."
            )
        options = dict(parse_qsl(parts.query))
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path[1:]),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": options.pop("host", "") or parts.hostname or "",
            "PORT": options.pop("port", "") or str(parts.port or ""),
            "OPTIONS": options,
        }

    def _required_secret(self, name: str, recipe: str) -> str:
        value = self._raw(name)
        if value is None:
            raise ConfigurationError(f"Set {name} (or {name}_FILE); make one with: {recipe}")
        if value in PUBLISHED_SAMPLES:
            raise ConfigurationError(
                f"{name} is the published sample value; make your own with: {recipe}"
            )
        return value

    def _raw(self, name: str) -> str | None:
        value = self._source.get(name) or None
        path = self._source.get(f"{name}_FILE") or None
        if value is not None and path is not None:
            raise ConfigurationError(f"Set either {name} or {name}_FILE, not both.")
        if path is None:
            return value
        try:
            return Path(path).read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{name}_FILE names a file that cannot be read.") from error


def _is_weak(secret: str) -> bool:
    """Return whether `secret` is short, of few characters, or a shorter text repeated."""
    if len(secret) < SECRET_KEY_MIN_LENGTH or secret.startswith("django-insecure-"):
        return True
    periods = range(1, len(secret) // 2 + 1)
    repeats = any(secret.startswith(secret[period:]) for period in periods)
    return repeats or len(set(secret)) < SECRET_MIN_DISTINCT_CHARACTERS


def _is_fernet_key(key: str) -> bool:
    """Return whether `key` is one, is not a published one, and does not look made by hand."""
    try:
        Fernet(key)
    except ValueError:
        return False
    varied = len(set(key)) >= SECRET_MIN_DISTINCT_CHARACTERS
    return varied and key not in PUBLISHED_SAMPLES


def _is_url(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        is_complete = bool(parts.hostname or parts.path.strip("/")) and parts.port != 0
    except ValueError:
        return False
    return is_complete and parts.scheme in schemes and f"{parts.scheme}://" in value


def _alternatives(schemes: tuple[str, ...]) -> str:
    return " or ".join(f"{scheme}://" for scheme in schemes)


def _database_parts(url: str) -> SplitResult | None:
    """Return the parts of `url` when it names a PostgreSQL database."""
    try:
        parts = urlsplit(url)
        has_port_or_none = parts.port is None or parts.port > 0
    except ValueError:
        return None
    is_postgres = parts.scheme in {"postgres", "postgresql"} and len(parts.path) > 1
    return parts if is_postgres and has_port_or_none else None
