"""Addresses of the audit trail's pages."""

from django.urls import path

from restai_site.trail import erasures, forwarding, pages, removals

app_name = "audit"
urlpatterns = [
    path("audit", pages.entries, name="entries"),
    path("audit/verify", pages.verify, name="verify"),
    path("audit/erasures", erasures.erasures, name="erasures"),
    path("audit/forwarding", forwarding.forwarding, name="forwarding"),
    path("audit/forwarding/<int:dead_letter_id>/send", forwarding.send_again, name="send_again"),
    path("audit/removals", removals.removals, name="removals"),
    path("audit/removals/<int:removal_id>/confirm", removals.confirm, name="confirm_removal"),
    path("audit/removals/<int:removal_id>/withdraw", removals.withdraw, name="withdraw_removal"),
    path("audit/<int:entry_id>", pages.entry, name="entry"),
]
