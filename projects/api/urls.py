"""REST API of this app."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from projects.api.invitations import (
    ProjectAnswerViewSet,
    ProjectInvitationViewSet,
    TeamAnswerViewSet,
    WaitingInvitationsView,
)
from projects.api.moving import MoveView
from projects.api.views import (
    ProjectMemberViewSet,
    ProjectSecretViewSet,
    ProjectViewSet,
    PromptVersionViewSet,
)
from projects.erasing.api import EraseTeamView, TeamErasureViewSet
from projects.retention.api import (
    PreviewView,
    ProjectRulesView,
    RetentionView,
    RunViewSet,
    TeamRulesView,
)

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("projects", ProjectViewSet, basename="project")
router.register("team-erasures", TeamErasureViewSet, basename="team-erasure")
router.register("retention/runs", RunViewSet, basename="retention-run")

PROJECT = "projects/<int:project_id>"
TO_TEAM = "invitations/team/<int:invitation_id>"
TO_PROJECT = "invitations/project/<int:project_invitation_id>"

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
    path(f"{PROJECT}/retention", ProjectRulesView.as_view(), name="project-retention"),
    path("teams/<int:team_id>/retention", TeamRulesView.as_view(), name="team-retention"),
    path("teams/<int:team_id>/erase", EraseTeamView.as_view(), name="team-erase"),
    path("retention", RetentionView.as_view(), name="retention"),
    path("retention/preview", PreviewView.as_view(), name="retention-preview"),
    path(f"{PROJECT}/move", MoveView.as_view(), name="project-move"),
    path(
        f"{PROJECT}/invitations",
        ProjectInvitationViewSet.as_view({"get": "list", "post": "create"}),
        name="project-invitations",
    ),
    path(
        f"{PROJECT}/invitations/<int:project_invitation_id>",
        ProjectInvitationViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="project-invitation",
    ),
    path(
        f"{PROJECT}/invitations/<int:project_invitation_id>/resend",
        ProjectInvitationViewSet.as_view({"post": "resend"}),
        name="project-invitation-resend",
    ),
    path("invitations", WaitingInvitationsView.as_view(), name="invitations"),
    path(
        f"{TO_TEAM}/accept",
        TeamAnswerViewSet.as_view({"post": "accept"}),
        name="team-invitation-accept",
    ),
    path(
        f"{TO_TEAM}/decline",
        TeamAnswerViewSet.as_view({"post": "decline"}),
        name="team-invitation-decline",
    ),
    path(
        f"{TO_PROJECT}/accept",
        ProjectAnswerViewSet.as_view({"post": "accept"}),
        name="project-invitation-accept",
    ),
    path(
        f"{TO_PROJECT}/decline",
        ProjectAnswerViewSet.as_view({"post": "decline"}),
        name="project-invitation-decline",
    ),
]
