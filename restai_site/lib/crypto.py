"""Secrets at rest: an encrypted field that fails closed, and the keyed digest of API keys."""

import hashlib
import hmac
from functools import lru_cache
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from encrypted_model_fields.fields import EncryptedMixin, decrypt_str


class DecryptionFailed(ImproperlyConfigured):
    """A stored secret cannot be read with the keys in FIELD_ENCRYPTION_KEY."""


class EncryptedTextField(EncryptedMixin, models.TextField):  # type: ignore[misc,type-arg]
    """Text that is stored as a Fernet token and never anything else.

    The base class decrypts whatever is assigned and returns the raw value when that fails. Here
    only values read from the database are decrypted, and failure raises DecryptionFailed.
    """

    def to_python(self, value: Any) -> Any:
        return models.TextField.to_python(self, value)

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        if value is None or value == "":
            return value
        try:
            return str(decrypt_str(value))
        except (InvalidToken, UnicodeError, ValueError) as error:
            raise DecryptionFailed(
                "A stored secret cannot be decrypted: FIELD_ENCRYPTION_KEY lacks the key it was "
                "written with; add that key to the end of the list."
            ) from error

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        return models.TextField.clean(self, value, model_instance)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if value is None or value == "":
            return value
        return super().get_db_prep_save(value, connection)


@lru_cache(maxsize=4)
def _pepper(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def keyed_digest(text: str) -> str:
    """Return the HMAC-SHA256 of `text` under the server's pepper, in hex.

    For random tokens of 256 bits: a slow hash adds nothing to those, and would cost every request.
    """
    return hmac.new(_pepper(settings.API_KEY_PEPPER), text.encode(), hashlib.sha256).hexdigest()
