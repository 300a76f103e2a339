"""The npm package oidc-provider in a process of its own."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

import pytest

from restai_site.tests.canaries import canary
from restai_site.tests.loopback import loopback_port

ROOT = Path(__file__).resolve().parents[3]
MODULES = ROOT / "var" / "test-identity-provider" / "node_modules"
TENANT = "11111111-2222-3333-4444-555555555555"
SLUGS = ("company", "google", "microsoft", "github")


def missing() -> str:
    """Return what the provider lacks here, or nothing."""
    if not shutil.which("node"):
        return "node is not installed; type: sudo apt-get install nodejs"
    installed = (MODULES / "oidc-provider").is_dir()
    return "" if installed else "oidc-provider is not installed; type: scripts/node-packages"


def require() -> None:
    """Skip the test where the provider cannot run; with CI=true, fail."""
    if reason := missing():
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)


class RealProvider:
    """The provider; use as a context manager. `callbacks` are the addresses people go back to.

    `accounts` maps what is typed as the login to claims, and "github" to what GitHub says.
    """

    def __init__(self, folder: Path, callbacks: list[str]) -> None:
        self.port = loopback_port()
        self.url = f"http://localhost:{self.port}"
        self.client_id, self.client_secret = "restai", canary("client secret of the provider")
        self._file = folder / "identity-provider.json"
        self._settings = {
            "tenant": TENANT,
            "clients": [
                {
                    "client_id": self.client_id,
                    "client_secret": self.client_secret,
                    "redirect_uris": callbacks,
                    "token_endpoint_auth_method": "client_secret_post",
                }
            ],
            "accounts": {},
        }

    def know(self, login: str, **claims: object) -> None:
        """Say this of whoever signs in as `login` from now on."""
        self._settings["accounts"][login] = claims
        written = self._file.with_suffix(".new")
        written.write_text(json.dumps(self._settings))
        written.rename(self._file)

    def __enter__(self) -> Self:
        self.know("nobody")
        server = Path(__file__).with_name("server.mjs")
        command = ["node", str(server), str(self.port), str(MODULES), str(self._file)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        said = self.process.stdout.readline()
        while said and said.strip() != "ready":
            said = self.process.stdout.readline()
        assert said, "The identity provider did not start."
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()

    def values(self, kind: str) -> dict[str, object]:
        """Return the values of an IdentityProvider of `kind` that leads here."""
        slug = "company" if kind == "openid_connect" else kind
        return {
            "slug": slug,
            "kind": kind,
            "name": slug.title(),
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "server_url": self.url,
            "tenant": TENANT if kind == "microsoft" else "",
            "enabled": True,
        }
