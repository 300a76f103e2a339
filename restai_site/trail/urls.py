"""Addresses of the audit trail's pages."""

from django.urls import path

from restai_site.trail import pages

app_name = "audit"
urlpatterns = [
    path("audit", pages.entries, name="entries"),
    path("audit/<int:entry_id>", pages.entry, name="entry"),
]
