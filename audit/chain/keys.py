"""The keys of the trail: one authenticates rows, one signs seals, one hides who was erased.

None is in the database. All come from AUDIT_KEY by HKDF (RFC 5869, SHA-256). The first key of the
list is used, all of them are believed. Whoever has the public key alone can verify seals, and
cannot make any.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

ROWS, SEALS = b"restai audit rows", b"restai audit seals"
ERASED, PSEUDONYMS = b"restai audit erased", b"restai audit pseudonyms"
KEY_ID_LENGTH = 16
NONCE_BYTES = 12
PSEUDONYM_LENGTH = 16


@dataclass(frozen=True, slots=True)
class AuditKey:
    """What one secret of the list stands for. `id` is the beginning of the public key's SHA-256."""

    id: str
    rows: bytes = field(repr=False)
    erased: bytes = field(repr=False)
    pseudonyms: bytes = field(repr=False)
    signing: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> bytes:
        """The 32 bytes of the public key."""
        return self.signing.public_key().public_bytes_raw()

    def mac(self, content: bytes) -> str:
        """Return the HMAC-SHA256 of a row's content, in hex."""
        return hmac.digest(self.rows, content, "sha256").hex()

    def sign(self, digest: bytes) -> str:
        """Return the Ed25519 signature of a seal's hash, in hex."""
        return self.signing.sign(digest).hex()

    def hidden(self, data: bytes, bound: bytes) -> str:
        """Return `data` under AES-256-GCM, to be opened with the same `bound` alone, in base64."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + AESGCM(self.erased).encrypt(nonce, data, bound)
        return base64.b64encode(sealed).decode()

    def revealed(self, text: str, bound: bytes) -> bytes | None:
        """Return what `hidden` made `text` of, or None where it did not."""
        try:
            sealed = base64.b64decode(text, validate=True)
            return AESGCM(self.erased).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):
            return None

    def pseudonym(self, of: str) -> str:
        """Return the name that stands for an erased person: an address that nobody can have.

        `.invalid` is reserved (RFC 2606, section 2).
        """
        code = hmac.digest(self.pseudonyms, of.encode(), "sha256").hex()
        return f"person-{code[:PSEUDONYM_LENGTH]}@erased.invalid"


def key_id(public: bytes) -> str:
    """Return the name of a public key."""
    return hashlib.sha256(public).hexdigest()[:KEY_ID_LENGTH]


def is_signed(public: bytes, digest: bytes, signature: str) -> bool:
    """Tell whether the owner of `public` has signed `digest`."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(signature), digest)
    except (InvalidSignature, ValueError):
        return False
    return True


def keys() -> Sequence[AuditKey]:
    """Return the keys in AUDIT_KEY, newest first."""
    return _keys(tuple(settings.AUDIT_KEY))


def public_keys() -> dict[str, bytes]:
    """Return the public keys of AUDIT_KEY by their names."""
    return {key.id: key.public for key in keys()}


def newest() -> AuditKey:
    """Return the key that writes."""
    return keys()[0]


@lru_cache(maxsize=4)
def _keys(secrets: tuple[str, ...]) -> tuple[AuditKey, ...]:
    return tuple(_key(base64.urlsafe_b64decode(secret)) for secret in secrets)


def _key(secret: bytes) -> AuditKey:
    signing = Ed25519PrivateKey.from_private_bytes(_derived(secret, SEALS))
    name = key_id(signing.public_key().public_bytes_raw())
    rows, erased, pseudonyms = (_derived(secret, one) for one in (ROWS, ERASED, PSEUDONYMS))
    return AuditKey(name, rows, erased, pseudonyms, signing)


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=purpose).derive(secret)
