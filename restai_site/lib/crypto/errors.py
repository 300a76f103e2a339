"""What goes wrong with secrets."""

from restai_site.lib.errors import Invalid, Unavailable


class EncryptionFailed(Invalid):
    """A value cannot be encrypted; it is not stored in any other form instead."""

    code = "not_encryptable"


class DecryptionFailed(Unavailable):
    """A stored secret cannot be read with the keys in FIELD_ENCRYPTION_KEY.

    503 and not 500: the request is right, and will be answered once the server has its key back.
    Without Retry-After, since nobody knows when that is. `str()` gives the words for logs, which
    name the column, never a value.
    """

    code = "secret_unreadable"

    def __init__(self, column: str) -> None:
        self.column = column
        super().__init__(
            "A secret that this needs cannot be read now: ask an administrator of the platform to "
            "look at it.",
            for_administrators=f"A secret in {column} cannot be read: put the key that it was "
            "written with at the end of FIELD_ENCRYPTION_KEY, or enter the secret again.",
        )

    def __str__(self) -> str:
        return self.for_administrators or self.message
