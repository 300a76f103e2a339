"""What guards found in Django's admin: to look at."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from guards.models import GuardBinding, GuardEvent, GuardSettings, PlatformGuard
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


@admin.register(GuardBinding)
class GuardBindingAdmin(ViewOnlyAdmin):
    """Guards at their places; the page Guards changes them."""

    exclude = ("configuration",)
    list_display = ("name", "project", "team", "is_for_all", "stage", "mode", "on_failure")
    list_filter = ("stage", "mode", "on_failure", "is_for_all")
    list_select_related = ("project", "team")


@admin.register(PlatformGuard)
class PlatformGuardAdmin(ViewOnlyAdmin):
    """Guards that every team may use."""

    list_display = ("project", "created_at")
    list_select_related = ("project",)


@admin.register(GuardSettings)
class GuardSettingsAdmin(ViewOnlyAdmin):
    """What projects say in place of what is blocked."""

    list_display = ("project", "censorship_message")
    list_select_related = ("project",)
