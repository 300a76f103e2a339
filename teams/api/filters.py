"""What lists of teams and members can be narrowed by."""

from django_filters import rest_framework as filters

from teams.models import AbstractInvitation, GroupMapping, Membership


class TeamFilter(filters.FilterSet):  # type: ignore[misc]
    """By words in the name, and by slug."""

    search = filters.CharFilter(field_name="name", lookup_expr="icontains", max_length=100)
    slug = filters.CharFilter(max_length=60)


class MembershipFilter(filters.FilterSet):  # type: ignore[misc]
    """By role."""

    role = filters.ChoiceFilter(choices=Membership.Role.choices)


class InvitationFilter(filters.FilterSet):  # type: ignore[misc]
    """By state, as it is stored: what has expired is pending still."""

    state = filters.ChoiceFilter(choices=AbstractInvitation.State.choices)


class GroupMappingFilter(filters.FilterSet):  # type: ignore[misc]
    """By whose group it is, the beginning of its name, and the team."""

    group = filters.CharFilter(lookup_expr="startswith", max_length=255)
    source = filters.CharFilter(max_length=60)

    class Meta:
        model = GroupMapping
        fields = ["team"]
