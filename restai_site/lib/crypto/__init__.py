"""Secrets at rest: encrypted fields that fail closed, and the keyed digest of API keys.

Models declare `EncryptedTextField` or `EncryptedJSONField`; `columns` finds those fields and says
under which of the keys in FIELD_ENCRYPTION_KEY their rows are.
"""

from restai_site.lib.crypto.digests import keyed_digest
from restai_site.lib.crypto.errors import DecryptionFailed, EncryptionFailed
from restai_site.lib.crypto.fields import EncryptedField, EncryptedJSONField, EncryptedTextField
from restai_site.lib.crypto.rows import SecretsApart

__all__ = [
    "DecryptionFailed",
    "EncryptedField",
    "EncryptedJSONField",
    "EncryptedTextField",
    "EncryptionFailed",
    "SecretsApart",
    "keyed_digest",
]
