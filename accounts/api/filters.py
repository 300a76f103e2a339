"""What lists of users can be narrowed by."""

from django_filters import rest_framework as filters

from accounts.models import User
from accounts.querysets import UserQuerySet


class UserFilter(filters.FilterSet):  # type: ignore[misc]
    """By the beginning of the address, and by what a user is."""

    email = filters.CharFilter(method="begins_with", max_length=254, label="Begins with")

    is_invited = filters.BooleanFilter("invited_at", "isnull", exclude=True)
    has_second_factor = filters.BooleanFilter("second_factor_since", "isnull", exclude=True)

    class Meta:
        model = User
        fields = ["is_active", "is_platform_admin", "is_restricted"]

    def begins_with(self, rows: UserQuerySet, name: str, value: str) -> UserQuerySet:
        """Compare the beginning, which the index over addresses serves."""
        return rows.filter(email__startswith=value.strip().lower())
