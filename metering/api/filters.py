"""What lists of use can be narrowed by."""

from django_filters import rest_framework as filters

from metering.models import UsageRecord
from restai_site.lib.filters import IdFilter


class UsageFilter(filters.FilterSet):  # type: ignore[misc]
    """By who, where, what, how it ended, and when."""

    project = IdFilter(field_name="project_id")
    team = IdFilter(field_name="team_id")
    user = IdFilter(field_name="user_id")
    api_key = IdFilter(field_name="api_key_id")
    model = filters.CharFilter(field_name="model_name", max_length=100)
    kind = filters.ChoiceFilter(choices=UsageRecord.Kind.choices)
    outcome = filters.ChoiceFilter(choices=UsageRecord.Outcome.choices)
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
