"""One row for each call of a project whose logging is not off."""

from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import models

from accounts.models import User
from projects.models import Project
from restai_site.lib.actor import Actor

if TYPE_CHECKING:
    from inference.models import Conversation  # noqa: F401  named by a string below


class InferenceLogQuerySet(models.QuerySet["InferenceLog"]):
    """Logs are for who manages the project; reading them is recorded in the audit trail."""

    def visible_to(self, actor: Actor) -> "InferenceLogQuerySet":
        """Rows of the projects that the actor manages."""
        return self.filter(project__in=Project.objects.managed_by(actor))


class InferenceLog(models.Model):
    """A call: who, by what, how much; with logging in full also what was asked and answered.

    It goes with its project and with its user. The ledger has the same numbers for budgets; these
    are here so that either can go without the other.
    """

    class Surface(models.TextChoices):
        CHAT = "chat", "Chat"
        API = "api", "OpenAI API"
        WIDGET = "widget", "Widget"

    call_id = models.UUIDField(unique=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="logs")
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    api_key_id = models.BigIntegerField(null=True)
    conversation = models.ForeignKey(
        "inference.Conversation", null=True, on_delete=models.SET_NULL, related_name="logs"
    )
    surface = models.CharField(max_length=6, choices=Surface.choices)
    model_name = models.CharField(max_length=100)
    prompt_tokens = models.PositiveIntegerField()
    completion_tokens = models.PositiveIntegerField()
    cost = models.DecimalField(max_digits=20, decimal_places=12, default=Decimal(0))
    latency_ms = models.PositiveIntegerField()
    first_token_ms = models.PositiveIntegerField(null=True)
    outcome = models.CharField(max_length=14)
    streamed = models.BooleanField(default=False)
    request_id = models.CharField(max_length=64, blank=True)
    # The path of the page on which a visitor of a widget asked.
    page = models.CharField(max_length=200, blank=True)
    # Empty where only metadata is kept, and where a guard has blocked the question.
    question = models.TextField(blank=True)
    answer = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = InferenceLogQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["project", "-id"], name="inference_log_project"),
            models.Index(fields=["project", "user", "-id"], name="inference_log_user"),
            models.Index(fields=["created_at"], name="inference_log_oldest"),
        ]

    def __str__(self) -> str:
        return f"{self.surface} {self.outcome}"

    @property
    def tokens(self) -> int:
        """Of the question and the answer together."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def has_text(self) -> bool:
        """Whether anything that was said is kept."""
        return bool(self.question or self.answer)
