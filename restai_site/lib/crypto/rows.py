"""Rows without their secrets."""

from typing import Any

from django.db import models

from restai_site.lib.crypto.fields import EncryptedField


class SecretsApart(models.Manager[Any]):
    """Leaves encrypted columns in the table until one is asked for, a row at a time.

    So a list opens no secret, and a row whose secret cannot be read can still be shown, mended and
    deleted. Use it as `SecretsApart.from_queryset(…)()`; never as the base manager, by which Django
    fetches what was left out.
    """

    def get_queryset(self) -> models.QuerySet[Any]:
        """Return all rows, with the encrypted columns deferred."""
        fields = self.model._meta.concrete_fields
        names = [field.name for field in fields if isinstance(field, EncryptedField)]
        return super().get_queryset().defer(*names)
