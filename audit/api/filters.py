"""What the audit trail can be narrowed by."""

from django_filters import rest_framework as filters

from restai_site.lib.filters import IdFilter


class EntryFilter(filters.FilterSet):  # type: ignore[misc]
    """By actor, action, target, team, request, and time. Equality alone: indexes serve it."""

    actor = IdFilter(field_name="actor_id")
    team = IdFilter(field_name="team_id")
    action = filters.CharFilter(max_length=64)
    target_type = filters.CharFilter(max_length=64)
    target_id = filters.CharFilter(max_length=64)
    request_id = filters.CharFilter(max_length=64)
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
