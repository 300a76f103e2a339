"""Projects, prompts, assignments and secrets in Django's admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from projects import services
from projects.erasing.models import TeamErasure
from projects.models import (
    Project,
    ProjectInvitation,
    ProjectMember,
    ProjectSecret,
    PromptVersion,
)
from projects.retention.models import RetentionRule, RetentionRun
from restai_site.lib.actor import Actor
from restai_site.lib.admin import RowForm, ServiceAdmin, ViewOnlyAdmin

DELETES = "delete_conversations"


class ProjectAdminForm(RowForm):
    """A project, with the question what becomes of conversations that are stored already."""

    delete_conversations = forms.BooleanField(
        required=False,
        label="Delete all stored conversations of this project now",
        help_text="Only with inference logging off. This cannot be undone.",
    )


@admin.register(Project)
class ProjectAdmin(ServiceAdmin):
    """Projects; the team of one cannot change."""

    form = ProjectAdminForm
    fields = (
        "team",
        "name",
        "description",
        "llm",
        "system_prompt",
        "temperature",
        "top_p",
        "max_tokens",
        "visibility",
        "inference_logging",
        "masks_logs",
        "delete_conversations",
    )
    autocomplete_fields = ("team", "llm")
    list_display = ("name", "team", "llm", "visibility", "inference_logging", "updated_at")
    list_filter = ("visibility", "inference_logging")
    list_select_related = ("team", "llm")
    search_fields = ("name__startswith", "team__slug__startswith")
    search_help_text = "The beginning of the name or of the team's slug."

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("team",) if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A project that is yet to be made has no conversations."""
        return self.fields if obj else [name for name in self.fields if name != DELETES]

    def create(self, values: dict[str, Any], actor: Actor) -> Project:
        values.pop(DELETES)
        return services.create_project(values.pop("team"), values, actor=actor)

    def update(self, row: Any, values: dict[str, Any], actor: Actor) -> Project:
        deletes = values.pop(DELETES, False)
        return services.update_project(row, values, delete_conversations=deletes, actor=actor)

    def remove(self, row: Any, actor: Actor) -> None:
        services.delete_project(row, actor=actor)


@admin.register(PromptVersion)
class PromptVersionAdmin(ViewOnlyAdmin):
    """The versions of prompts; editors restore them on the project's page."""

    list_display = ("project", "number", "note", "author", "created_at")
    list_select_related = ("project", "author")


@admin.register(ProjectMember)
class ProjectMemberAdmin(ServiceAdmin):
    """Who is assigned to which project; of an assignment only the role can change."""

    fields = ("project", "user", "role")
    autocomplete_fields = ("project", "user")
    list_display = ("user", "project", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "project")
    search_fields = ("user__email__startswith",)
    search_help_text = "The beginning of an e-mail address."

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", "user") if obj else ()

    def create(self, values: dict[str, Any], actor: Actor) -> ProjectMember:
        return services.add_project_member(**values, actor=actor)

    def update(self, row: Any, values: dict[str, Any], actor: Actor) -> ProjectMember:
        return services.change_project_role(row, role=values.get("role", row.role), actor=actor)

    def remove(self, row: Any, actor: Actor) -> None:
        services.remove_project_member(row, actor=actor)


@admin.register(ProjectInvitation)
class ProjectInvitationAdmin(ViewOnlyAdmin):
    """Invitations to projects; they are sent and withdrawn on the project's page."""

    fields = (
        *("project", "email", "role", "invited_by", "state"),
        *("created_at", "expires_at", "answered_at"),
    )
    list_display = ("email", "project", "role", "state", "invited_by", "created_at", "expires_at")
    list_filter = ("state", "role")
    list_select_related = ("project", "invited_by")
    search_fields = ("email__startswith",)
    search_help_text = "The beginning of an e-mail address."


@admin.register(ProjectSecret)
class ProjectSecretAdmin(ViewOnlyAdmin):
    """That there are secrets, without their values; editors set them on the project's page."""

    fields = ("project", "name", "description", "set_at", "set_by", "created_at")
    list_display = ("name", "project", "set_at", "set_by")
    list_select_related = ("project", "set_by")
    search_fields = ("name__startswith",)
    search_help_text = "The beginning of the name."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("value")


@admin.register(RetentionRule)
class RetentionRuleAdmin(ViewOnlyAdmin):
    """Periods of teams and projects; they are set on their pages."""

    list_display = ("kind", "days", "team", "project")
    list_filter = ("kind",)
    list_select_related = ("team", "project")


@admin.register(RetentionRun)
class RetentionRunAdmin(ViewOnlyAdmin):
    """Removals of what was over."""

    list_display = ("kind", "started_at", "finished_at", "deleted", "asked_by", "failure")
    list_filter = ("kind",)


@admin.register(TeamErasure)
class TeamErasureAdmin(ViewOnlyAdmin):
    """Which teams were erased; that is asked for under their settings."""

    list_display = ("name", "asked_at", "asked_by", "projects_gone", "projects", "finished_at")
