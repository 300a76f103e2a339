"""What lists of users can be narrowed by."""

from django_filters import rest_framework as filters

from accounts.models import User
from accounts.querysets import UserQuerySet


class UserFilter(filters.FilterSet):  # type: ignore[misc]
    """By the beginning of the address, and by what a user is."""

    email = filters.CharFilter(method="begins_with", max_length=254, label="Begins with")

    class Meta:
        model = User
        fields = ["is_active", "is_platform_admin"]

    def begins_with(self, rows: UserQuerySet, name: str, value: str) -> UserQuerySet:
        """Compare the beginning, which the index over addresses serves."""
        return rows.filter(email__startswith=value.strip().lower())
