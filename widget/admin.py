"""Widgets in Django's admin: to look at."""

from django.contrib import admin

from restai_site.lib.admin import ViewOnlyAdmin
from widget.models import Feedback, Visitor, VisitorSession, Widget


@admin.register(Widget)
class WidgetAdmin(ViewOnlyAdmin):
    """Chats in other websites; they are made and changed in their projects."""

    list_display = ("name", "project", "is_paused", "created_at")
    list_select_related = ("project",)
    fields = ("project", "name", "public_id", "is_paused", "allowed_origins", "key", "created_at")


@admin.register(Visitor)
class VisitorAdmin(ViewOnlyAdmin):
    """Whoever came by. What a website calls them cannot be read."""

    fields = list_display = ("id", "widget", "created_at", "seen_at")
    list_select_related = ("widget",)


@admin.register(VisitorSession)
class VisitorSessionAdmin(ViewOnlyAdmin):
    """Visitors at websites; their tokens are nowhere."""

    fields = list_display = ("visitor", "origin", "created_at", "expires_at")


@admin.register(Feedback)
class FeedbackAdmin(ViewOnlyAdmin):
    """What visitors think of answers."""

    fields = list_display = ("widget", "is_helpful", "reason", "created_at")
    list_select_related = ("widget",)
