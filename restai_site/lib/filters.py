"""Filters that the lists of several apps share."""

from django import forms
from django_filters import rest_framework as filters


class IdFilter(filters.NumberFilter):  # type: ignore[misc]
    """Compares an id. One that does not exist, or is another tenant's, finds nothing."""

    field_class = forms.IntegerField

    def get_max_validator(self) -> None:
        """Ids beyond the column's range find nothing as well."""
