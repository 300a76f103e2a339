"""What the audit trail can be narrowed by."""

from django import forms
from django_filters import rest_framework as filters

from audit.models import REFUSED, EntryQuerySet
from restai_site.lib.filters import IdFilter


class AddressFilter(filters.CharFilter):  # type: ignore[misc]
    """Compares an IP address, in whichever way it is written."""

    field_class = forms.GenericIPAddressField


class EntryFilter(filters.FilterSet):  # type: ignore[misc]
    """By actor, action, target, team, request, address, outcome and time.

    Equality alone, but for the outcome and the time: indexes serve it, and nothing can be guessed
    letter by letter.
    """

    actor = IdFilter(field_name="actor_id")
    actor_email = filters.CharFilter(max_length=254)
    team = IdFilter(field_name="team_id")
    action = filters.CharFilter(max_length=64)
    target_type = filters.CharFilter(max_length=64)
    target_id = filters.CharFilter(max_length=64)
    request_id = filters.CharFilter(max_length=64)
    ip = AddressFilter()
    outcome = filters.ChoiceFilter(
        choices=[("done", "Done"), ("refused", "Refused or failed")], method="filter_outcome"
    )
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    def filter_outcome(self, rows: EntryQuerySet, name: str, value: str) -> EntryQuerySet:
        """Keep what was done, or what was not: HTTP statuses below 400, and from there on."""
        lookup = "status__lt" if value == "done" else "status__gte"
        found: EntryQuerySet = rows.filter(**{lookup: REFUSED})
        return found
