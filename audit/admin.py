"""The audit trail in Django's admin: to look at."""

from django.contrib import admin

from audit.models import (
    Cut,
    DeadLetter,
    Delivery,
    Entry,
    Erasure,
    Removal,
    Seal,
    Unsealed,
    Verification,
)
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


@admin.register(Verification)
class VerificationAdmin(ViewOnlyAdmin):
    """When the trail was verified, and what came of it."""

    list_display = ("started_at", "finished_at", "asked_by", "holds", "entries", "seals")


@admin.register(Cut)
class CutAdmin(ViewOnlyAdmin):
    """After which seals entries were removed on purpose."""

    list_display = ("number", "cut_at", "entries", "asked_by", "confirmed_by", "key_id")
    ordering = ("-number",)


@admin.register(Removal)
class RemovalAdmin(ViewOnlyAdmin):
    """Wishes to remove old entries; they are asked for and confirmed at /audit/removals."""

    list_display = ("before", "state", "entries", "removed", "asked_by", "answered_by")


@admin.register(Erasure)
class ErasureAdmin(ViewOnlyAdmin):
    """Who was taken out of the trail; people are erased at their own page."""

    list_display = ("pseudonym", "asked_at", "asked_by", "entries", "finished_at")
    exclude = ("sought",)


@admin.register(Delivery)
class DeliveryAdmin(ViewOnlyAdmin):
    """How far each destination has got."""

    list_display = ("kind", "delivered_until", "delivered_at", "attempts", "last_error")


@admin.register(DeadLetter)
class DeadLetterAdmin(ViewOnlyAdmin):
    """Seals that a destination did not take; they are sent again at /audit/forwarding."""

    list_display = ("number", "kind", "error", "failed_at")
