"""One embedded installation: its folder, its lock, and the environment that its programs get."""

import fcntl
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values

from restai_site.embedded import keys, model, postgres, processes, valkey
from restai_site.lib.env import ConfigurationError, Environment

ROOT = Path(__file__).resolve().parent.parent.parent
SECRETS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": keys.random_text,
    "API_KEY_PEPPER": keys.random_text,
    "FIELD_ENCRYPTION_KEY": keys.fernet_key,
    "AUDIT_KEY": keys.fernet_key,
}
# Other accounts, PostgreSQL's among them, may pass through the folder and not list it.
OPEN_TO_PASS = 0o711
DEFAULT_PORT = 8000
PORTS_TO_TRY = 100
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def outer_environment() -> dict[str, str]:
    """Return the process environment, completed from the file `.env` beside the Makefile."""
    from_file = {name: value for name, value in dotenv_values(ROOT / ".env").items() if value}
    return from_file | dict(os.environ)


@dataclass
class Installation:
    """The folder of an installation and what the operator has set in the environment."""

    outer: Mapping[str, str]
    folder: Path = field(init=False)
    _lock: TextIO = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.folder = Path(self.outer.get("RESTAI_DATA_DIR") or ROOT / "var").resolve()
        if not self.folder.exists():
            self.folder.mkdir(parents=True)
            self.folder.chmod(OPEN_TO_PASS)
        self.secrets.mkdir(mode=0o700, exist_ok=True)

    @property
    def secrets(self) -> Path:
        """The folder of the secrets made here."""
        return self.folder / "secrets"

    @property
    def env(self) -> Environment:
        """The operator's environment, typed."""
        return Environment(self.outer)

    @property
    def starts_postgres(self) -> bool:
        """Whether the operator has no PostgreSQL of their own."""
        return not self.is_set("DATABASE_URL")

    @property
    def starts_valkey(self) -> bool:
        """Whether the operator has no Redis of their own."""
        return not self.is_set("REDIS_URL")

    @property
    def starts_model(self) -> bool:
        """Whether the small language model is wanted."""
        return self.env.boolean("RESTAI_EMBEDDED_MODEL", default=True)

    def is_set(self, name: str) -> bool:
        """Return whether the operator gives NAME or NAME_FILE."""
        return bool(self.outer.get(name) or self.outer.get(f"{name}_FILE"))

    def lock(self) -> None:
        """Claim the folder for this process until it ends, however it ends.

        A lock of fcntl(2) belongs to the process and not, as one of flock(2) does, also to the
        children that it forks: those may outlive it when it is killed.
        """
        self._lock = (self.folder / "lock").open("a+", encoding="ascii")
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigurationError(
                f"RESTai already runs with the data in {self.folder}: stop that one first, "
                "or set RESTAI_DATA_DIR to another folder."
            ) from None

    def web_address(self) -> tuple[str, int]:
        """Return the host and port to listen on: the port asked for, or the first free one."""
        host = self.env.text("WEB_HOST", processes.LOOPBACK)
        port = self.env.integer("WEB_PORT", DEFAULT_PORT, least=1, most=65_535)
        if processes.port_is_free(port, host):
            return host, port
        if self.is_set("WEB_PORT"):
            raise ConfigurationError(
                f"Port {port} of {host} is taken by another program: set WEB_PORT to a free one."
            )
        for other in range(port + 1, port + PORTS_TO_TRY):
            if processes.port_is_free(other, host):
                return host, other
        raise ConfigurationError(f"WEB_HOST={host} has no free port: set WEB_HOST and WEB_PORT.")

    def inner_environment(self, host: str, port: int) -> dict[str, str]:
        """Return the environment of the programs; the engines have been started or prepared.

        Secrets go by file, so that no list of processes or crash report shows them.
        """
        inner = dict(self.outer) | {
            processes.OWNER_VARIABLE: str(self.folder),
            "DJANGO_SETTINGS_MODULE": "restai_site.settings",
            "PYTHONUNBUFFERED": "1",
        }
        for name, make in SECRETS.items():
            if not self.is_set(name):
                keys.kept(self.secrets / name, make)
                inner[f"{name}_FILE"] = str(self.secrets / name)
        if not self.is_set("CELERY_BEAT_SCHEDULE_FILE"):
            inner["CELERY_BEAT_SCHEDULE_FILE"] = str(self.folder / "celerybeat-schedule")
        if not self.is_set("AUDIT_CHECKPOINT_FILE"):
            inner["AUDIT_CHECKPOINT_FILE"] = str(self.folder / "audit-checkpoint.json")
        if not self.is_set("STATIC_ROOT"):
            inner["STATIC_ROOT"] = str(self.static_folder)
        if not self.is_set("PUBLIC_URL"):
            inner["PUBLIC_URL"] = f"http://{_shown(host)}:{port}"
        return inner | self._engines()

    def owner_environment(self, inner: Mapping[str, str]) -> dict[str, str]:
        """Return `inner` for a program that may change the schema of the database."""
        if self.starts_postgres:
            return dict(inner) | self._by_file("DATABASE_URL", postgres.url(self.postgres_folder))
        if not self.has_owner_url:
            return dict(inner)
        changed = {k: v for k, v in inner.items() if not k.startswith("DATABASE_URL")}
        return changed | {"DATABASE_URL": self.env.text("DATABASE_OWNER_URL")}

    @property
    def has_owner_url(self) -> bool:
        """Whether the schema belongs to another role than the one that serves."""
        return self.starts_postgres or self.is_set("DATABASE_OWNER_URL")

    @property
    def web_role(self) -> str:
        """The role that serves."""
        if self.starts_postgres:
            return postgres.WEB_ROLE
        return unquote(urlsplit(self.env.text("DATABASE_URL")).username or "")

    @property
    def postgres_folder(self) -> Path:
        """The folder of the embedded PostgreSQL."""
        return self.folder / "postgres"

    @property
    def valkey_folder(self) -> Path:
        """The folder of the embedded Valkey."""
        return self.folder / "valkey"

    @property
    def static_folder(self) -> Path:
        """The folder of the collected files of the pages."""
        return Path(self.env.text("STATIC_ROOT", str(self.folder / "staticfiles")))

    @property
    def model_folder(self) -> Path:
        """The folder of the embedded language model."""
        return self.folder / "model"

    def _engines(self) -> dict[str, str]:
        engines: dict[str, str] = {}
        if self.starts_postgres:
            web = postgres.url(self.postgres_folder, postgres.WEB_ROLE)
            engines |= self._by_file("DATABASE_URL", web, "DATABASE_WEB_URL")
        if self.starts_valkey:
            engines |= self._by_file("REDIS_URL", valkey.url(self.valkey_folder))
        if self.starts_model:
            engines["EMBEDDED_MODEL_URL"] = model.url(self.model_folder)
            engines["EMBEDDED_MODEL_KEY_FILE"] = str(model.key_file(self.model_folder))
        return engines

    def _by_file(self, name: str, value: str, file_name: str | None = None) -> dict[str, str]:
        file = self.secrets / (file_name or name)
        keys.write_private(file, value)
        return {f"{name}_FILE": str(file)}


def reachable(host: str) -> str:
    """Return an address at which a server that listens on `host` answers this machine."""
    return EVERY_ADDRESS.get(host, host)


def _shown(host: str) -> str:
    name = reachable(host)
    if name in {"127.0.0.1", "::1"}:
        return "localhost"
    return f"[{name}]" if ":" in name else name
