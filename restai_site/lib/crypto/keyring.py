"""The keys of the server: the newest writes, all of them read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from restai_site.lib.crypto.errors import EncryptionFailed

NEWEST = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """What a token holds, and the number of the key that opened it: 0 is the newest."""

    key: int
    text: str = field(repr=False)


class Keyring:
    """Fernet keys, newest first."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [Fernet(key) for key in keys]

    def __len__(self) -> int:
        return len(self._keys)

    def seal(self, text: str) -> str:
        """Return a token of the newest key. Raises EncryptionFailed for what is not Unicode."""
        try:
            data = text.encode()
        except UnicodeEncodeError:
            raise EncryptionFailed("The secret contains characters that are no text.") from None
        return self._keys[NEWEST].encrypt(data).decode("ascii")

    def open(self, token: str) -> Opened | None:
        """Return what `token` holds, or None where no key opens it or it is no token."""
        for number, key in enumerate(self._keys):
            try:
                return Opened(number, key.decrypt(token).decode())
            except (InvalidToken, ValueError):  # text that is not ASCII, and bytes that are no text
                continue
        return None


def keyring() -> Keyring:
    """Return the keys in FIELD_ENCRYPTION_KEY."""
    return _keyring(tuple(settings.FIELD_ENCRYPTION_KEY))


@lru_cache(maxsize=4)
def _keyring(keys: tuple[str, ...]) -> Keyring:
    return Keyring(keys)
