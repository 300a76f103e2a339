"""What the tests of second factors share: an app, a clock for it, and an authenticator."""

import hashlib
import json
from base64 import b32decode
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone
from django_otp.oath import TOTP
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

from accounts.models import Session, TotpDevice, User
from accounts.services.factors import Proof
from accounts.services.second_factor import begin_totp, confirm_totp
from restai_site.lib.actor import Actor
from restai_site.tests.canaries import watch

PASSWORD = "unusual staple of horses"
NOW = 1_800_000_015  # in the middle of a step


class Clock:
    """The clock by which codes are made and judged."""

    def __init__(self) -> None:
        self.seconds = NOW

    def __call__(self) -> float:
        return self.seconds

    def forward(self, steps: int = 1) -> None:
        self.seconds += 30 * steps


def code_of(secret: str, *, steps: int = 0, clock: Clock | None = None) -> str:
    """Return what an app with `secret` shows, so many steps from now."""
    totp = TOTP(b32decode(secret.replace(" ", "")), drift=steps)
    if clock is not None:
        totp.time = clock()
    return f"{totp.token():06}"


def actor_in_session(user: User) -> Actor:
    """Return the actor of a user who is signed in."""
    now = timezone.now()
    row = Session.objects.create(
        user=user, amr=["pwd"], created_at=now, last_seen_at=now, expires_at=now.replace(year=2100)
    )
    return Actor(
        user_id=user.pk,
        email=user.email,
        is_platform_admin=user.is_platform_admin,
        session_id=row.pk,
    )


def full_proof(user: User) -> Proof:
    return Proof(user.pk, is_recent=True, by_password=True, by_factor=True)


def recent(user: User) -> Proof:
    return Proof(user.pk, is_recent=True)


def with_app(user: User) -> tuple[str, list[str]]:
    """Give the user an app; return its secret and the recovery codes.

    The code of the moment stays unused: the app is confirmed by the one before it.
    """
    actor = actor_in_session(user)
    secret = begin_totp(user, proof=recent(user), actor=actor).secret
    watch(f"TOTP secret of {user.email}", secret)
    codes = confirm_totp(user, code=code_of(secret, steps=-1), actor=actor)
    for number, code in enumerate(codes):
        watch(f"recovery code {number} of {user.email}", code)
    user.refresh_from_db()
    return secret, codes


def app_of(user: User) -> TotpDevice:
    return TotpDevice.objects.get(user=user, confirmed=True)


@dataclass(frozen=True)
class Authenticator:
    """A security key in software: it makes one credential, and answers challenges."""

    origin: str
    rp_id: str = "localhost"
    counter: int = 1
    flags: AuthenticatorData.FLAG = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    handle: bytes = b""

    def but(self, **values) -> "Authenticator":
        """Return this one, changed."""
        return replace(self, **values)

    @property
    def credential_id(self) -> bytes:
        return hashlib.sha256(str(self.key.public_key().public_numbers().x).encode()).digest()

    def create(self, options: dict) -> dict:
        """Answer the options of a registration, as the script of the page sends it."""
        public = ES256.from_cryptography_key(self.key.public_key())
        made = AttestedCredentialData.create(b"\0" * 16, self.credential_id, public)
        data = AuthenticatorData.create(
            self._rp_hash, self.flags | AuthenticatorData.FLAG.AT, self.counter, made
        )
        client = self._client("webauthn.create", options["challenge"])
        attested = AttestationObject.create("none", data, {})
        return self._answer(
            {
                "clientDataJSON": websafe_encode(client),
                "attestationObject": websafe_encode(attested),
                "transports": ["usb", "internal", "telepathy"],
            }
        )

    def get(self, options: dict) -> dict:
        """Answer the options of an authentication."""
        data = AuthenticatorData.create(self._rp_hash, self.flags, self.counter)
        client = self._client("webauthn.get", options["challenge"])
        signed = data + hashlib.sha256(client).digest()
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": websafe_encode(client),
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
        }
        if self.handle:
            response["userHandle"] = websafe_encode(self.handle)
        return self._answer(response)

    def _answer(self, response: dict) -> dict:
        own = websafe_encode(self.credential_id)
        return {"id": own, "rawId": own, "type": "public-key", "response": response}

    def _client(self, kind: str, challenge: str | bytes) -> bytes:
        text = challenge if isinstance(challenge, str) else websafe_encode(challenge)
        return json.dumps({"type": kind, "challenge": text, "origin": self.origin}).encode()

    @property
    def _rp_hash(self) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest()


def handle_in(options: dict) -> bytes:
    """Return what the options of a registration call the user."""
    return websafe_decode(options["user"]["id"])
