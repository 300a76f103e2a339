"""What lists of the catalog can be narrowed by."""

from django_filters import rest_framework as filters


class CatalogFilter(filters.FilterSet):  # type: ignore[misc]
    """By the beginning of the name, and by whether the model is enabled."""

    name = filters.CharFilter(lookup_expr="startswith", max_length=100)
    enabled = filters.BooleanFilter()


class ProviderFilter(filters.FilterSet):  # type: ignore[misc]
    """By the beginning of the name, and by kind."""

    name = filters.CharFilter(lookup_expr="startswith", max_length=100)
    kind = filters.CharFilter(max_length=20)
