"""REST API of this app."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from projects.api.views import (
    ProjectMemberViewSet,
    ProjectSecretViewSet,
    ProjectViewSet,
    PromptVersionViewSet,
)

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("projects", ProjectViewSet, basename="project")

PROJECT = "projects/<int:project_id>"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(router.urls)),
    path(
        f"{PROJECT}/prompt-versions",
        PromptVersionViewSet.as_view({"get": "list", "post": "create"}),
        name="project-prompt-versions",
    ),
    path(
        f"{PROJECT}/prompt-versions/<int:number>",
        PromptVersionViewSet.as_view({"get": "retrieve"}),
        name="project-prompt-version",
    ),
    path(
        f"{PROJECT}/prompt-versions/<int:number>/restore",
        PromptVersionViewSet.as_view({"post": "restore"}),
        name="project-prompt-version-restore",
    ),
    path(
        f"{PROJECT}/members",
        ProjectMemberViewSet.as_view({"get": "list", "post": "create"}),
        name="project-members",
    ),
    path(
        f"{PROJECT}/members/<int:user_id>",
        ProjectMemberViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
        name="project-member",
    ),
    path(
        f"{PROJECT}/secrets",
        ProjectSecretViewSet.as_view({"get": "list", "post": "create"}),
        name="project-secrets",
    ),
    path(
        f"{PROJECT}/secrets/<int:secret_id>",
        ProjectSecretViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
        name="project-secret",
    ),
]
