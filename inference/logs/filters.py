"""What the log of a project can be narrowed by."""

from django_filters import rest_framework as filters

from inference.models import InferenceLog
from restai_site.lib.filters import IdFilter

OUTCOMES = ("completed", "cancelled", "blocked", "provider_error", "timeout", "failed")


class LogFilter(filters.FilterSet):  # type: ignore[misc]
    """By person, key, way, model, outcome, conversation, request, page and time; whole values."""

    user = IdFilter(field_name="user_id")
    user_email = filters.CharFilter(field_name="user__email", max_length=254)
    api_key = IdFilter(field_name="api_key_id")
    surface = filters.ChoiceFilter(choices=InferenceLog.Surface.choices)
    model_name = filters.CharFilter(max_length=100)
    outcome = filters.ChoiceFilter(choices=[(name, name) for name in OUTCOMES])
    conversation = filters.UUIDFilter(field_name="conversation_id")
    request_id = filters.CharFilter(max_length=64)
    page = filters.CharFilter(max_length=200)
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
