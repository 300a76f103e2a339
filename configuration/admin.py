"""Stored settings in Django's admin: to look at. They are changed on the pages of settings."""

from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from configuration.models import Revision, StoredSetting
from restai_site.lib.admin import ViewOnlyAdmin, actor_of


@admin.register(StoredSetting)
class StoredSettingAdmin(ViewOnlyAdmin):
    """What administrators have set; of secrets only that they are set, and when."""

    fields = ("section", "name", "value", "is_secret", "set_at")
    readonly_fields = ("is_secret",)
    list_display = ("section", "name", "value", "is_secret", "set_at")
    ordering = ("section", "name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[StoredSetting]:
        """Leave the secrets where they are: no page shows them."""
        rows: QuerySet[StoredSetting] = super().get_queryset(request)
        return rows.defer("secret")

    @admin.display(boolean=True, description="secret")
    def is_secret(self, row: StoredSetting) -> bool:
        """Say whether the value is kept from view."""
        return row.value is None

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: object = None
    ) -> HttpResponse:
        """Show what the audit trail says of the section."""
        row = get_object_or_404(StoredSetting.objects.visible_to(actor_of(request)), pk=object_id)
        target = {"target_type": self.model._meta.label_lower, "target_id": row.section}
        return redirect(f"{reverse('admin:audit_entry_changelist')}?{urlencode(target)}")


@admin.register(Revision)
class RevisionAdmin(ViewOnlyAdmin):
    """The number by which processes see that settings have changed."""

    fields = ("number",)
    list_display = ("number",)
