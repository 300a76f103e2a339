"""The audit trail in Django's admin: to look at."""

from django.contrib import admin

from audit.models import Entry, Seal, Unsealed
from restai_site.lib.admin import ViewOnlyAdmin


@admin.register(Entry)
class EntryAdmin(ViewOnlyAdmin):
    """Newest first. The search takes a request id or an action, which have indexes."""

    list_display = (
        "created_at",
        "actor_email",
        "credential",
        "action",
        "target_type",
        "target_id",
        "target_name",
        "status",
    )
    search_fields = ("request_id__exact", "action__exact")
    search_help_text = "A request id, or an action such as project.create."


@admin.register(Seal)
class SealAdmin(ViewOnlyAdmin):
    """The links of the chain, newest first."""

    list_display = ("number", "sealed_at", "hash", "key_id")
    fields = ("number", "sealed_at", "entry_ids", "previous", "hash", "key_id", "signature")
    ordering = ("-number",)


@admin.register(Unsealed)
class UnsealedAdmin(ViewOnlyAdmin):
    """The entries that wait for their seal: for seconds, while the worker runs."""

    list_display = ("entry_id",)
