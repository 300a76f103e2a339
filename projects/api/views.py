"""REST API of projects, their prompts and their members."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from projects import services
from projects.api.filters import ProjectFilter
from projects.api.serializers import (
    NewProjectMemberSerializer,
    NewProjectSecretSerializer,
    NewProjectSerializer,
    ProjectMemberSerializer,
    ProjectSecretSerializer,
    ProjectSerializer,
    PromptVersionSerializer,
)
from projects.consequences import consequences_of_leaving
from projects.models import Project, ProjectMember, ProjectSecret, PromptVersion
from restai_site.lib.errors import Conflict, Forbidden
from restai_site.lib.viewsets import ServiceViewSet
from teams.models import Team

CONFIRM = OpenApiParameter("confirm", bool, description="Whether to go on all the same.")
UNCHANGED = OpenApiResponse(description="The text is the prompt already; nothing has changed.")


class ProjectViewSet(ServiceViewSet):
    """The projects that the caller can use. Team admins make and delete, editors change them."""

    queryset = Project.objects.order_by("name", "id")
    filterset_class = ProjectFilter
    lookup_url_kwarg = "project_id"
    lookup_value_converter = "int"

    def visible(self, rows: Any) -> QuerySet[Any]:
        return super().visible(rows).with_rights(self.actor)  # type: ignore[attr-defined,no-any-return]

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return NewProjectSerializer if self.action == "create" else ProjectSerializer

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a project in a team that the caller runs."""
        self._require_a_team()
        return super().create(request, *args, **kwargs)

    def perform_create(self, serializer: Any) -> None:
        values = dict(serializer.validated_data)
        made = services.create_project(values.pop("team"), values, actor=self.actor)
        serializer.instance = self.get_queryset().get(pk=made.pk)

    def perform_update(self, serializer: Any) -> None:
        values = dict(serializer.validated_data)
        deletes = values.pop("delete_conversations", False)
        changed = services.update_project(
            serializer.instance, values, delete_conversations=deletes, actor=self.actor
        )
        serializer.instance = self.get_queryset().get(pk=changed.pk)

    @extend_schema(parameters=[CONFIRM])
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete it; where that ends something elsewhere, only with `?confirm=true`."""
        return super().destroy(request, *args, **kwargs)

    def perform_destroy(self, instance: Any) -> None:
        managed = Project.objects.managed_by(self.actor).filter(pk=instance.pk).exists()
        ends = consequences_of_leaving(instance) if managed else []
        if ends and self.request.query_params.get("confirm") != "true":
            message = f"{' '.join(ends)} To delete it all the same, add ?confirm=true."
            raise Conflict(message, code="confirmation_needed")
        services.delete_project(instance, actor=self.actor)

    def _require_a_team(self) -> None:
        # Before the body is read: whoever runs no team learns nothing from its checks.
        if not Team.objects.editable_by(self.actor).exists() and not self.actor.is_platform_admin:
            raise Forbidden("Only admins of a team may create projects in it.")


class OfProject(ServiceViewSet):
    """What belongs to one project, for its editors."""

    project: Project

    def get_queryset(self) -> QuerySet[Any]:
        rows: Any = type(self).queryset
        return rows.filter(project_id=self.kwargs.get("project_id"))  # type: ignore[no-any-return]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer 404 for a project that is not visible and 403 for one that is not editable."""
        super().initial(request, *args, **kwargs)
        visible = Project.objects.visible_to(self.actor)
        self.project = get_object_or_404(visible, pk=kwargs["project_id"])
        if not Project.objects.editable_by(self.actor).filter(pk=self.project.pk).exists():
            raise Forbidden("Only editors of the project may see this.")

    def check_editable(self, row: Any) -> None:
        """`initial` has asked already; the services ask again."""


@extend_schema_view(
    create=extend_schema(responses={201: PromptVersionSerializer, 204: UNCHANGED}),
)
class PromptVersionViewSet(OfProject):
    """The versions of a project's prompt, newest first. Posting one makes it the prompt."""

    queryset = PromptVersion.objects.order_by("-number")
    serializer_class = PromptVersionSerializer
    filterset_fields: list[str] = []
    lookup_field = lookup_url_kwarg = "number"

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Set the prompt; 204 when the text is the prompt already."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        version = services.set_prompt(
            self.project, values["text"], note=values.get("note", ""), actor=self.actor
        )
        return self._answer(version)

    @extend_schema(request=None, responses={201: PromptVersionSerializer, 204: UNCHANGED})
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, project_id: int, number: int) -> Response:
        """Make the text of an older version the prompt again, as a new version."""
        return self._answer(services.restore_prompt(self.get_object(), actor=self.actor))

    def _answer(self, version: PromptVersion | None) -> Response:
        if version is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(self.get_serializer(version).data, status=status.HTTP_201_CREATED)


@extend_schema_view(
    create=extend_schema(
        request=NewProjectMemberSerializer, responses={201: ProjectMemberSerializer}
    )
)
class ProjectMemberViewSet(OfProject):
    """Who is assigned to a project: seen by its editors, changed by admins of the team."""

    queryset = ProjectMember.objects.select_related("user", "project").order_by("id")
    serializer_class = ProjectMemberSerializer
    filterset_fields = ["role"]
    lookup_field = lookup_url_kwarg = "user_id"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse changes by those who do not manage the project, before the body is read."""
        super().initial(request, *args, **kwargs)
        managed = Project.objects.managed_by(self.actor).filter(pk=self.project.pk)
        if request.method not in SAFE_METHODS and not managed.exists():
            raise Forbidden("Only admins of the team may do this.")

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Assign a member of the team to the project."""
        context = self.get_serializer_context()
        serializer = NewProjectMemberSerializer(data=request.data, context=context)
        serializer.is_valid(raise_exception=True)
        member = services.add_project_member(
            self.project, **serializer.validated_data, actor=self.actor
        )
        return Response(self.get_serializer(member).data, status=status.HTTP_201_CREATED)

    def perform_update(self, serializer: Any) -> None:
        member, values = serializer.instance, serializer.validated_data
        serializer.instance = services.change_project_role(
            member, role=values.get("role", member.role), actor=self.actor
        )

    def perform_destroy(self, instance: Any) -> None:
        services.remove_project_member(instance, actor=self.actor)


class ProjectSecretViewSet(OfProject):
    """The secrets of a project, without their values; for its editors alone."""

    queryset = ProjectSecret.objects.without_values().order_by("name")
    filterset_fields = ["name"]
    lookup_url_kwarg = "secret_id"

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        # The schema is drawn without a request.
        return rows if getattr(self, "swagger_fake_view", False) else self.visible(rows)

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return NewProjectSecretSerializer if self.action == "create" else ProjectSecretSerializer

    def perform_create(self, serializer: Any) -> None:
        values = serializer.validated_data
        serializer.instance = services.create_secret(self.project, **values, actor=self.actor)

    def perform_update(self, serializer: Any) -> None:
        serializer.instance = services.update_secret(
            serializer.instance, serializer.validated_data, actor=self.actor
        )

    def perform_destroy(self, instance: Any) -> None:
        services.delete_secret(instance, actor=self.actor)
