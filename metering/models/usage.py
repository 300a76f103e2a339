"""The ledger of use."""

from decimal import Decimal

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.utils import timezone

from accounts.models import ApiKey, User
from metering.querysets import UsageQuerySet
from projects.models import Project
from teams.models import Team


class UsageRecord(models.Model):
    """One call of a model: who, what, how many tokens, for how much.

    Never changed, but for a row that stands for a call thought lost, when that call ends after all.
    Its references have no constraint: they keep their numbers when what they name is deleted.
    """

    class Kind(models.TextChoices):
        CHAT = "chat", "Chat"
        EMBEDDING = "embedding", "Embedding"
        IMAGE = "image", "Image"
        AUDIO = "audio", "Audio"
        GUARD = "guard", "Guard"

    class TokensSource(models.TextChoices):
        PROVIDER = "provider", "Reported by the provider"
        TOKENIZER = "tokenizer", "Counted by a tokenizer"
        RESERVED = "reserved", "As reserved: nothing came back"

    class Outcome(models.TextChoices):
        COMPLETED = "completed", "Completed"
        CANCELLED = "cancelled", "Cancelled by the client"
        PROVIDER_ERROR = "provider_error", "Provider error"
        TIMEOUT = "timeout", "Timed out"
        FAILED = "failed", "Failed in the platform"
        BLOCKED = "blocked", "Blocked by a guard"
        LOST = "lost", "Lost: no end was reported"

    # One call, one row: whoever writes it again finds it written.
    call_id = models.UUIDField(unique=True, db_default=RandomUUID(), editable=False)
    project = models.ForeignKey(
        Project, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="usage"
    )
    team = models.ForeignKey(
        Team, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="usage"
    )
    user = models.ForeignKey(
        User, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="usage"
    )
    api_key = models.ForeignKey(
        ApiKey, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="usage"
    )
    model_name = models.CharField(max_length=100)
    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.CHAT)
    prompt_tokens = models.PositiveIntegerField()
    completion_tokens = models.PositiveIntegerField()
    tokens_source = models.CharField(max_length=9, choices=TokensSource.choices)
    cost = models.DecimalField(max_digits=20, decimal_places=12, default=Decimal(0))
    latency_ms = models.PositiveIntegerField()
    first_token_ms = models.PositiveIntegerField(null=True)
    outcome = models.CharField(max_length=14, choices=Outcome.choices)
    streamed = models.BooleanField(default=False)
    request_id = models.CharField(max_length=64, blank=True)
    # Budgets count a call for the day on which it began.
    started_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UsageQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["project", "-created_at"], name="usage_project_newest"),
            models.Index(fields=["team", "-created_at"], name="usage_team_newest"),
            models.Index(fields=["user", "-created_at"], name="usage_user_newest"),
            models.Index(fields=["api_key", "-created_at"], name="usage_api_key_newest"),
            models.Index(fields=["-created_at"], name="usage_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.model_name} {self.outcome}"
