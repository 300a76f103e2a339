"""A provider that says whatever a test wants it to, over real HTTP."""

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from restai_site.tests.canaries import canary
from restai_site.tests.loopback import loopback_port

KID = "the-key"


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


KEY, OTHER_KEY = _key(), _key()


@dataclass
class Lies:
    """What the provider says; a test changes it. None in `claims` leaves a claim out."""

    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    key: Any = KEY
    algorithm: str = "RS256"
    header: dict[str, Any] = field(default_factory=lambda: {"kid": KID})
    # Whole answers instead of what would be said, by path.
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)


class LyingProvider:
    """The provider; use as a context manager. `forms` are what was sent to the token endpoint."""

    client_id = "restai"

    def __init__(self) -> None:
        self.port = loopback_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.client_secret = canary("client secret of the liar")
        self.access_token = canary("access token")
        self.lies = Lies()
        self.nonce = ""
        self.forms: list[dict[str, str]] = []
        self.requests: list[str] = []

    def __enter__(self) -> Self:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.answer(self, {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                provider.answer(self, dict(parse_qsl(body)))

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def values(self, **values: object) -> dict[str, object]:
        """Return the values of an IdentityProvider that leads here."""
        own = {
            "slug": "company",
            "kind": "openid_connect",
            "name": "Company",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "server_url": self.url,
            "enabled": True,
        }
        return {**own, **values}

    def answer(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        self.requests.append(handler.path)
        if handler.path in self.lies.answers:
            status, headers, body = self.lies.answers[handler.path]
        else:
            status, headers = 200, {"Content-Type": "application/json"}
            body = json.dumps(self._said(handler.path, form)).encode()
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    def _said(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        if path == "/token":
            self.forms.append(form)
            return {"access_token": self.access_token, "id_token": self.id_token()}
        if path == "/keys":
            public = json.loads(RSAAlgorithm.to_jwk(KEY.public_key()))
            return {"keys": [{**public, "kid": KID, "use": "sig", "alg": "RS256"}]}
        if path == "/userinfo":
            return {"sub": self._claims().get("sub"), **self.lies.userinfo}
        document = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }
        return {**document, **self.lies.document}

    def id_token(self) -> str:
        return jwt.encode(
            self._claims(), self.lies.key, algorithm=self.lies.algorithm, headers=self.lies.header
        )

    def _claims(self) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "subject-1",
            "aud": self.client_id,
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "email": "ada@example.org",
            "email_verified": True,
            **self.lies.claims,
        }
        return {name: value for name, value in claims.items() if value is not None}
