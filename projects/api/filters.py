"""What lists of projects can be narrowed by."""

from django_filters import rest_framework as filters

from projects.models import Project
from restai_site.lib.filters import IdFilter


class ProjectFilter(filters.FilterSet):  # type: ignore[misc]
    """By team, model, visibility, and words in the name."""

    team = IdFilter(field_name="team_id")
    llm = IdFilter(field_name="llm_id")
    search = filters.CharFilter(field_name="name", lookup_expr="icontains", max_length=100)
    visibility = filters.ChoiceFilter(choices=Project.Visibility.choices)
