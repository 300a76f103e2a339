"""Conversations of people with projects."""

import uuid

from django.db import models

from accounts.models import User
from inference.logs.models import InferenceLog
from inference.querysets import ConversationQuerySet
from metering.models import UsageRecord
from projects.models import Project

__all__ = ["Conversation", "InferenceLog", "Message"]
TITLE_MAX_LENGTH = 120


class Conversation(models.Model):
    """The exchange of a person, or of a visitor of a widget, with a project. It is theirs alone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="conversations")
    user = models.ForeignKey(
        User, null=True, on_delete=models.CASCADE, related_name="conversations"
    )
    # Of a row of the app that lets visitors in.
    visitor_id = models.UUIDField(null=True, editable=False)
    title = models.CharField(max_length=TITLE_MAX_LENGTH)
    pinned = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at"]
        indexes = [
            models.Index(
                fields=["user", "project", "-updated_at"], name="conversation_user_newest"
            ),
            models.Index(
                fields=["visitor_id", "-updated_at"],
                condition=models.Q(visitor_id__isnull=False),
                name="conversation_visitor_newest",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user=None) ^ models.Q(visitor_id=None),
                name="conversation_of_one",
            )
        ]

    def __str__(self) -> str:
        return self.title


class Message(models.Model):
    """One turn. Its parent is the turn it answers or follows; siblings are alternatives."""

    class Role(models.TextChoices):
        USER = "user", "User"
        ASSISTANT = "assistant", "Assistant"

    class Status(models.TextChoices):
        COMPLETE = "complete", "Complete"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"
        # A question that waits for the input guards: its text is kept once they have let it pass.
        HELD = "held", "Held for a guard"
        BLOCKED = "blocked", "Blocked by a guard"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages"
    )
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="children")
    role = models.CharField(max_length=9, choices=Role.choices)
    content = models.TextField(blank=True)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.COMPLETE)
    # What guards did to it, as the chat shows it; none where no guard had anything to say.
    guarding = models.JSONField(null=True, blank=True)
    usage = models.OneToOneField(
        UsageRecord, null=True, on_delete=models.SET_NULL, related_name="message"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]
        indexes = [
            models.Index(fields=["conversation", "created_at"], name="message_conversation_order"),
            # What is over is looked for by its age.
            models.Index(fields=["created_at"], name="message_oldest"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.id}"

    @property
    def question_is_withheld(self) -> bool:
        """Whether a guard has blocked the question of this answer: it cannot be asked again."""
        told = self.guarding or {}
        return self.status == self.Status.BLOCKED and told.get("stage") == "input"
