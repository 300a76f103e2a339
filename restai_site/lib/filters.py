"""Filters that the lists of several apps share."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django_filters import rest_framework as filters

from restai_site.lib.errors import Invalid


class IdFilter(filters.NumberFilter):  # type: ignore[misc]
    """Compares an id. One that does not exist, or is another tenant's, finds nothing."""

    field_class = forms.IntegerField

    def get_max_validator(self) -> None:
        """Ids beyond the column's range find nothing as well."""


def asked_of(request: HttpRequest) -> dict[str, str]:
    """Return what the address says, without what it leaves empty."""
    return {name: value for name, value in request.GET.dict().items() if value}


def given_to(found: Any, asked: dict[str, str]) -> dict[str, str]:
    """Return what of an address is for the filters of `found`."""
    return {name: asked[name] for name in found.filters if name in asked}


def require_sense(found: Any) -> None:
    """Raise Invalid, naming the fields, where filters make no sense."""
    if not found.is_valid():
        told = {name: [str(error) for error in errors] for name, errors in found.errors.items()}
        raise Invalid("These filters make no sense.", fields=told)
