"""Sessions of browsers, and the keys that sign their cookies."""

from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.lookups import IsNull

from accounts.models.users import User
from accounts.querysets import SessionQuerySet
from accounts.sessions.description import device_of, place_of
from restai_site.lib.crypto import EncryptedTextField, SecretsApart


class SigningKey(models.Model):
    """A key of the cookies' signatures. The newest signs; older ones still verify.

    Their secrets are needed at once, whenever keys are read: they are few.
    """

    kid = models.CharField(max_length=16, unique=True)
    secret = EncryptedTextField()
    created_at = models.DateTimeField(auto_now_add=True)
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                IsNull(models.F("replaced_at"), rhs=True),
                name="signing_key_one_current",
                condition=Q(replaced_at=None),
            )
        ]

    def __str__(self) -> str:
        return self.kid


class Session(models.Model):
    """What a cookie stands for. Whoever deletes the row ends the session at its next request.

    `user` has passed every factor that is asked of them; `pending_user` has passed the first one.
    A session without either belongs to a browser that has not signed in.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    pending_user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    # How the user has proven who they are: words of RFC 8176 where it has one.
    amr = ArrayField(models.CharField(max_length=16), default=list)
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=200, blank=True)
    impersonator = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    impersonation_reason = models.CharField(max_length=200, blank=True)
    impersonation_ends_at = models.DateTimeField(null=True)
    # The administrator's own session, to which an impersonation returns.
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="impersonations")
    # Which of their teams the user works in, for as long as they see it; a choice, and no right.
    chosen_team_id = models.BigIntegerField(null=True)
    data = EncryptedTextField(blank=True, default="")

    objects = SecretsApart.from_queryset(SessionQuerySet)()

    class Meta:
        indexes = [
            models.Index(fields=["user", "-last_seen_at"], name="session_of_user"),
            models.Index(fields=["expires_at"], name="session_expiry"),
        ]

    def __str__(self) -> str:
        return f"session of {self.user}" if self.user_id else "session"

    @property
    def device(self) -> str:
        """What the browser says it is, in words."""
        return device_of(self.user_agent)

    @property
    def place(self) -> str:
        """Where the browser is, as far as its address tells, in words."""
        return place_of(self.ip)
