"""REST API of teams, their members and their grants."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from restai_site.lib.permissions import IsPlatformAdmin, IsSignedIn
from restai_site.lib.viewsets import READ, ScopedView, ServiceViewSet
from teams import groups, services
from teams.api.filters import GroupMappingFilter, MembershipFilter, TeamFilter
from teams.api.serializers import (
    GrantsSerializer,
    GroupMappingSerializer,
    MembershipSerializer,
    NewMembershipSerializer,
    TeamSerializer,
)
from teams.models import GroupMapping, Membership, Team


class TeamViewSet(ServiceViewSet):
    """The caller's teams. Platform administrators make and delete, team admins rename them."""

    queryset = Team.objects.all()
    serializer_class = TeamSerializer
    filterset_class = TeamFilter
    lookup_url_kwarg = "team_id"
    lookup_value_converter = "int"

    def get_permissions(self) -> list[BasePermission]:
        return [IsSignedIn(), IsPlatformAdmin()] if self.action == "create" else [IsSignedIn()]

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = services.create_team(**serializer.validated_data, actor=self.actor)

    def perform_update(self, serializer: Any) -> None:
        team, values = serializer.instance, serializer.validated_data
        with transaction.atomic():
            if "time_zone" in values:
                zone = values["time_zone"]
                team = services.set_time_zone(team, time_zone=zone, actor=self.actor)
            name = values.get("name", team.name)
            serializer.instance = services.rename_team(team, name=name, actor=self.actor)

    def perform_destroy(self, instance: Any) -> None:
        services.delete_team(instance, actor=self.actor)


@extend_schema_view(
    create=extend_schema(request=NewMembershipSerializer, responses={201: MembershipSerializer})
)
class MembershipViewSet(ServiceViewSet):
    """The members of a team: seen by all of them, changed by its admins; anybody may leave."""

    queryset = Membership.objects.select_related("user").order_by("user_id")
    serializer_class = MembershipSerializer
    filterset_class = MembershipFilter
    lookup_field = lookup_url_kwarg = "user_id"

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(team_id=self.kwargs.get("team_id"))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer 404 for a team that is not visible, whatever is asked of it."""
        super().initial(request, *args, **kwargs)
        self.team: Team = get_object_or_404(
            Team.objects.visible_to(self.actor), pk=kwargs["team_id"]
        )

    def check_editable(self, row: Any) -> None:
        """Let members leave; the rest is for admins of the team."""
        own = row.user_id == self.actor.user_id and not self.actor.is_narrowed
        leaves = self.action == "destroy" and own
        if not leaves:
            super().check_editable(row)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add a user to the team."""
        super().check_editable(self.team)
        serializer = NewMembershipSerializer(
            data=request.data, context=self.get_serializer_context()
        )
        serializer.is_valid(raise_exception=True)
        member = services.add_member(self.team, **serializer.validated_data, actor=self.actor)
        return Response(self.get_serializer(member).data, status=status.HTTP_201_CREATED)

    def perform_update(self, serializer: Any) -> None:
        member, values = serializer.instance, serializer.validated_data
        serializer.instance = services.change_role(
            member, role=values.get("role", member.role), actor=self.actor
        )

    def perform_destroy(self, instance: Any) -> None:
        services.remove_member(instance, actor=self.actor)


class GrantsView(ScopedView, generics.RetrieveUpdateAPIView[Team]):
    """What a team may use. Platform administrators set it: models cost the platform money."""

    queryset = Team.objects.prefetch_related(*services.GRANT_FIELDS)
    serializer_class = GrantsSerializer
    http_method_names = [*READ, "patch"]
    lookup_url_kwarg = "team_id"

    def check_editable(self, row: Any) -> None:
        """Nobody but platform administrators sets grants."""
        if self.request.method == "PATCH" and not self.actor.is_platform_admin:
            self.permission_denied(self.request, IsPlatformAdmin.message)

    def perform_update(self, serializer: Any) -> None:
        serializer.instance = services.set_grants(
            serializer.instance, serializer.validated_data, actor=self.actor
        )


class GroupMappingViewSet(ServiceViewSet):
    """Which groups of LDAP and of sign-in providers lead to which teams; for administrators."""

    queryset = GroupMapping.objects.select_related("team")
    serializer_class = GroupMappingSerializer
    permission_classes = [IsSignedIn, IsPlatformAdmin]
    filterset_class = GroupMappingFilter
    lookup_url_kwarg = "group_mapping_id"
    lookup_value_converter = "int"

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = groups.create_mapping(serializer.validated_data, actor=self.actor)

    def perform_update(self, serializer: Any) -> None:
        serializer.instance = groups.update_mapping(
            serializer.instance, serializer.validated_data, actor=self.actor
        )

    def perform_destroy(self, instance: Any) -> None:
        groups.delete_mapping(instance, actor=self.actor)
