"""Conversations in Django's admin: that they exist, not what was said.

They belong to the people who hold them; operators see numbers and times.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

# Registers what belongs to the test bench.
from guards import admin_bench  # noqa: F401
from inference.models import Conversation, InferenceLog, Message
from restai_site.lib.admin import ViewOnlyAdmin


@admin.register(Conversation)
class ConversationAdmin(ViewOnlyAdmin):
    """Who talked with which project, and when."""

    fields = ("id", "project", "user", "created_at", "updated_at")
    list_display = ("id", "project", "user", "created_at", "updated_at")
    list_select_related = ("project", "user")
    search_fields = ("user__email__startswith",)
    search_help_text = "The beginning of the user's e-mail address."

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """The title holds the person's words, and the page shows it as the row's name."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            row.title = str(row.pk)
        return row


@admin.register(Message)
class MessageAdmin(ViewOnlyAdmin):
    """When a turn was taken, by whom, and how it ended."""

    fields = ("id", "conversation_id", "role", "status", "created_at")
    list_display = ("id", "conversation_id", "role", "status", "created_at")
    list_filter = ("role", "status")


@admin.register(InferenceLog)
class InferenceLogAdmin(ViewOnlyAdmin):
    """Calls of projects without what was said in them: that is on the page of the project."""

    fields = (
        *("project", "user", "surface", "model_name", "outcome", "prompt_tokens"),
        *("completion_tokens", "cost", "latency_ms", "request_id", "created_at"),
    )
    list_display = ("created_at", "project", "user", "surface", "model_name", "outcome")
    list_select_related = ("project", "user")
    list_filter = ("surface", "outcome")
