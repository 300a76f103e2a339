"""What proves a second time who somebody is: authenticator apps, recovery codes, passkeys."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.querysets import PasskeyQuerySet
from restai_site.lib.crypto import EncryptedTextField, SecretsApart


class TotpDevice(models.Model):
    """An authenticator app. A user has at most one that is confirmed, and one being set up."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="totp_devices"
    )
    name = models.CharField(max_length=64, default="Authenticator app")
    # In base32, as apps take it by hand.
    secret = EncryptedTextField(editable=False)
    confirmed = models.BooleanField(default=False)
    # The time step of the newest code that was taken: neither it nor an older one is taken again.
    last_step = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[SecretsApart] = SecretsApart()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "confirmed"], name="totp_device_one_of_each")
        ]

    def __str__(self) -> str:
        return self.name


class RecoveryCode(models.Model):
    """A code that replaces a lost factor once. Only its keyed digest is kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes"
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return "used" if self.used_at else "open"


class Passkey(models.Model):
    """A WebAuthn credential; only its public half is known here."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="passkeys"
    )
    name = models.CharField(max_length=64)
    # At most 1,023 bytes (WebAuthn, section 4), in base64url.
    credential_id = models.CharField(max_length=1364, unique=True, editable=False)
    # A COSE key, in CBOR.
    public_key = models.BinaryField(editable=False)
    sign_count = models.BigIntegerField(default=0, editable=False)
    transports = ArrayField(models.CharField(max_length=16), default=list, editable=False)
    # The model of the authenticator; None where it does not say.
    aaguid = models.UUIDField(null=True, editable=False)
    # Whether its owner's other devices have it as well.
    backed_up = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False)

    objects = PasskeyQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name
