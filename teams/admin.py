"""Teams and memberships in Django's admin."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from restai_site.lib.actor import Actor
from restai_site.lib.admin import ServiceAdmin, ViewOnlyAdmin
from teams import services
from teams.data.models import TeamExport
from teams.models import Branding, GroupMapping, Invitation, Membership, Team


@admin.register(Team)
class TeamAdmin(ServiceAdmin):
    """Teams and their grants."""

    fields = ("name", "slug", "time_zone", *services.GRANT_FIELDS, "created_at")
    readonly_fields = ("slug", "time_zone", "created_at")
    autocomplete_fields = services.GRANT_FIELDS
    list_display = ("name", "slug", "created_at")
    search_fields = ("slug__startswith",)
    search_help_text = "The beginning of the slug."
    ordering = ("name", "id")

    def create(self, values: dict[str, Any], actor: Actor) -> Team:
        team = services.create_team(name=values.pop("name"), actor=actor)
        return services.set_grants(team, values, actor=actor)

    def update(self, row: Any, values: dict[str, Any], actor: Actor) -> Team:
        team: Team = row
        if "name" in values:
            team = services.rename_team(team, name=values.pop("name"), actor=actor)
        return services.set_grants(team, values, actor=actor)

    def remove(self, row: Any, actor: Actor) -> None:
        services.delete_team(row, actor=actor)


@admin.register(Membership)
class MembershipAdmin(ServiceAdmin):
    """Who belongs to which team; of an existing membership only the role can change."""

    fields = ("team", "user", "role")
    autocomplete_fields = ("team", "user")
    list_display = ("user", "team", "role", "source", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "team")
    search_fields = ("user__email__startswith", "team__slug__startswith")
    search_help_text = "The beginning of an e-mail address or of a team's slug."

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("team", "user") if obj else ()

    def create(self, values: dict[str, Any], actor: Actor) -> Membership:
        return services.add_member(**values, actor=actor)

    def update(self, row: Any, values: dict[str, Any], actor: Actor) -> Membership:
        return services.change_role(row, role=values.get("role", row.role), actor=actor)

    def remove(self, row: Any, actor: Actor) -> None:
        services.remove_member(row, actor=actor)


@admin.register(Branding)
class BrandingAdmin(ViewOnlyAdmin):
    """How the platform looks to teams; their admins change it. Slugs and logos are not shown."""

    fields = ("team", "app_name", "primary", "secondary", "welcome_message", "updated_at")
    list_display = ("team", "app_name", "primary", "secondary", "updated_at")
    list_select_related = ("team",)
    search_fields = ("team__slug__startswith",)
    search_help_text = "The beginning of a team's slug."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Branding]:
        """Leave the logos in the table."""
        return super().get_queryset(request).defer("logo")


@admin.register(GroupMapping)
class GroupMappingAdmin(ViewOnlyAdmin):
    """Which groups lead to which teams; they are changed among the settings."""

    fields = ("source", "group", "team", "role", "created_at")
    list_display = ("group", "source", "team", "role", "created_at")
    list_filter = ("source", "role")
    list_select_related = ("team",)
    search_fields = ("group__startswith",)
    search_help_text = "The beginning of a group's name."


@admin.register(Invitation)
class InvitationAdmin(ViewOnlyAdmin):
    """Invitations to teams; they are sent and withdrawn on the team's page."""

    fields = (
        *("team", "email", "role", "invited_by", "state"),
        *("created_at", "expires_at", "answered_at"),
    )
    list_display = ("email", "team", "role", "state", "invited_by", "created_at", "expires_at")
    list_filter = ("state", "role")
    list_select_related = ("team", "invited_by")
    search_fields = ("email__startswith",)
    search_help_text = "The beginning of an e-mail address."


@admin.register(TeamExport)
class TeamExportAdmin(ViewOnlyAdmin):
    """That files were made of what is held about teams; what is in them is for their admins."""

    fields = list_display = ("team", "asked_by", "created_at", "finished_at", "size", "failure")
    list_select_related = ("team", "asked_by")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TeamExport]:
        """Leave the files in the table."""
        return super().get_queryset(request).defer("content")
