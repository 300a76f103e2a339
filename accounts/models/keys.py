"""API keys: the credentials of programs."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from accounts.models.users import User
from accounts.querysets import ApiKeyQuerySet


class ApiKey(models.Model):
    """A credential for programs. The key itself is shown once and never stored.

    `project_ids` and `team_id` name rows of the apps above: a key narrowed to what has been deleted
    reaches nothing. Where they are None, the key is not narrowed in that way.
    """

    class Scope(models.TextChoices):
        FULL = "full", "Everything its owner may do"
        READ = "read", "Read only"
        CHAT = "chat", "Chat only"
        # Public, as it stands in the pages of other websites: made by widgets, chosen by nobody.
        WIDGET = "widget", "Chat of a widget"

    CHOSEN_SCOPES = [(one.value, one.label) for one in (Scope.FULL, Scope.READ, Scope.CHAT)]

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    scope = models.CharField(max_length=6, choices=Scope.choices, default=Scope.FULL)
    project_ids = ArrayField(models.BigIntegerField(), null=True, blank=True)
    team_id = models.BigIntegerField(null=True, blank=True)
    # Networks from which alone the key is taken; empty: from everywhere.
    allowed_networks = ArrayField(models.CharField(max_length=43), default=list, blank=True)
    # Calls of models; None: no limit.
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True, editable=False)
    rotated_at = models.DateTimeField(null=True, editable=False)
    # The secret before the last rotation, for as long as both work.
    previous_digest = models.CharField(max_length=64, unique=True, null=True, editable=False)  # noqa: DJ001 - several rows have none
    previous_until = models.DateTimeField(null=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(requests_per_minute__range=(1, 100_000)),
                name="api_key_requests_per_minute_in_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_usable(self) -> bool:
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not expired
