"""What the audit trail can be narrowed by."""

from django import forms
from django.contrib.postgres.search import SearchQuery
from django_filters import rest_framework as filters

from audit.models import REFUSED, REQUEST, EntryQuerySet
from audit.search import WORDS
from restai_site.lib.filters import IdFilter


class AddressFilter(filters.CharFilter):  # type: ignore[misc]
    """Compares an IP address, in whichever way it is written."""

    field_class = forms.GenericIPAddressField


class EntryFilter(filters.FilterSet):  # type: ignore[misc]
    """By kind, actor, action, target, team, request, address, outcome, time and words.

    Equality alone, but for the outcome, the time and whole words: indexes serve it, and nothing can
    be guessed letter by letter. Without a kind, requests that were served are left out: what they
    did has entries of its own.
    """

    kind = filters.ChoiceFilter(
        choices=[("acts", "Changes"), ("requests", "Requests"), ("all", "Everything")],
        method="filter_kind",
    )
    actor = IdFilter(field_name="actor_id")
    actor_email = filters.CharFilter(max_length=254)
    team = IdFilter(field_name="team_id")
    action = filters.CharFilter(max_length=64)
    target_type = filters.CharFilter(max_length=64)
    target_id = filters.CharFilter(max_length=64)
    request_id = filters.CharFilter(max_length=64)
    ip = AddressFilter()
    status = IdFilter()
    outcome = filters.ChoiceFilter(
        choices=[("done", "Done"), ("refused", "Refused or failed")], method="filter_outcome"
    )
    text = filters.CharFilter(max_length=200, method="filter_text")
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    def filter_queryset(self, queryset: EntryQuerySet) -> EntryQuerySet:
        """Leave out served requests, unless a kind is asked for, or one request by its name."""
        found: EntryQuerySet = super().filter_queryset(queryset)
        asked = self.form.cleaned_data
        return found if asked["kind"] or asked["request_id"] else found.telling()

    def filter_kind(self, rows: EntryQuerySet, name: str, value: str) -> EntryQuerySet:
        """Keep what was done, or the entries that requests leave besides."""
        if value == "acts":
            return rows.acts()
        found: EntryQuerySet = rows.filter(action__startswith=REQUEST)
        return found if value == "requests" else rows

    def filter_outcome(self, rows: EntryQuerySet, name: str, value: str) -> EntryQuerySet:
        """Keep what was done, or what was not: HTTP statuses below 400, and from there on."""
        lookup = "status__lt" if value == "done" else "status__gte"
        found: EntryQuerySet = rows.filter(**{lookup: REFUSED})
        return found

    def filter_text(self, rows: EntryQuerySet, name: str, value: str) -> EntryQuerySet:
        """Keep the entries that hold all of these words."""
        words = SearchQuery(value, config="simple", search_type="websearch")
        found: EntryQuerySet = rows.alias(words=WORDS).filter(words=words)
        return found
