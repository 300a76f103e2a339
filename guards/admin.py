"""What guards found in Django's admin: to look at."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from guards.models import GuardEvent
from restai_site.lib.admin import ViewOnlyAdmin


@admin.register(GuardEvent)
class GuardEventAdmin(ViewOnlyAdmin):
    """Findings, without their texts: whether those may be shown is for the pages to say."""

    exclude = ("text", "reason")
    ordering = ("-created_at",)
    list_display = (
        *("created_at", "project", "guard_name", "stage", "outcome", "category"),
        *("latency_ms", "review"),
    )
    list_filter = ("outcome", "stage", "review")
    list_select_related = ("project",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[GuardEvent]:
        return super().get_queryset(request).defer(*self.exclude)
