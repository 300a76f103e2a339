"""REST API of this app."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from teams.api.branding import BrandingLinkView, BrandingView, PublicBrandingView
from teams.api.invitations import InvitationViewSet
from teams.api.views import (
    GrantsView,
    GroupMappingViewSet,
    MembershipViewSet,
    TeamViewSet,
)
from teams.data.api import TeamExportViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("teams", TeamViewSet, basename="team")
router.register("auth/group-mappings", GroupMappingViewSet, basename="group-mapping")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(router.urls)),
    path("teams/<int:team_id>/grants", GrantsView.as_view(), name="team-grants"),
    path("teams/<int:team_id>/branding", BrandingView.as_view(), name="team-branding"),
    path("teams/<int:team_id>/branding/link", BrandingLinkView.as_view(), name="branding-link"),
    path("teams/<slug:public_slug>/branding", PublicBrandingView.as_view(), name="public-branding"),
    path(
        "teams/<int:team_id>/exports",
        TeamExportViewSet.as_view({"get": "list", "post": "create"}),
        name="team-exports",
    ),
    path(
        "teams/<int:team_id>/exports/<int:team_export_id>",
        TeamExportViewSet.as_view({"get": "retrieve"}),
        name="team-export",
    ),
    path(
        "teams/<int:team_id>/exports/<int:team_export_id>/file",
        TeamExportViewSet.as_view({"get": "file"}),
        name="team-export-file",
    ),
    path(
        "teams/<int:team_id>/members",
        MembershipViewSet.as_view({"get": "list", "post": "create"}),
        name="team-members",
    ),
    path(
        "teams/<int:team_id>/members/<int:user_id>",
        MembershipViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
        name="team-member",
    ),
    path(
        "teams/<int:team_id>/invitations",
        InvitationViewSet.as_view({"get": "list", "post": "create"}),
        name="team-invitations",
    ),
    path(
        "teams/<int:team_id>/invitations/<int:invitation_id>",
        InvitationViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="team-invitation",
    ),
    path(
        "teams/<int:team_id>/invitations/<int:invitation_id>/resend",
        InvitationViewSet.as_view({"post": "resend"}),
        name="team-invitation-resend",
    ),
]
