"""Pages of this app."""

from django.urls import path

from teams import branding_views, group_views, invitation_views, views
from teams.data import views as data_views

app_name = "teams"
urlpatterns = [
    path("settings/sign-in-providers/groups", group_views.group_mappings, name="group_mappings"),
    path(
        "settings/sign-in-providers/groups/<int:group_mapping_id>/delete",
        group_views.delete_group_mapping,
        name="delete_group_mapping",
    ),
    path("teams", views.team_list, name="list"),
    path("teams/new", views.team_new, name="new"),
    path("teams/switch", branding_views.switch_team, name="switch"),
    path("teams/<int:team_id>", views.team_members, name="members"),
    path(
        "teams/<int:team_id>/members/<int:membership_id>/role",
        views.member_role,
        name="member_role",
    ),
    path(
        "teams/<int:team_id>/members/<int:membership_id>/remove",
        views.member_remove,
        name="member_remove",
    ),
    path(
        "teams/<int:team_id>/invitations/<int:invitation_id>/resend",
        invitation_views.invitation_resend,
        name="invitation_resend",
    ),
    path(
        "teams/<int:team_id>/invitations/<int:invitation_id>/revoke",
        invitation_views.invitation_revoke,
        name="invitation_revoke",
    ),
    path("teams/<int:team_id>/models", views.team_models, name="models"),
    path("teams/<int:team_id>/settings", views.team_settings, name="settings"),
    path("teams/<int:team_id>/data", data_views.data, name="data"),
    path("teams/<int:team_id>/data/make", data_views.make, name="make_data"),
    path("teams/<int:team_id>/data/<int:team_export_id>", data_views.fetch, name="fetch_data"),
    path("teams/<int:team_id>/branding", branding_views.team_branding, name="branding"),
    path(
        "teams/<int:team_id>/branding/preview",
        branding_views.branding_preview,
        name="branding_preview",
    ),
    path(
        "teams/<int:team_id>/branding/reset", branding_views.branding_reset, name="branding_reset"
    ),
    path("teams/<int:team_id>/branding/link", branding_views.branding_link, name="branding_link"),
    path("t/<slug:public_slug>", branding_views.brand_login, name="brand_login"),
    path(
        "branding/<slug:public_slug>/<slug:style_hash>.css",
        branding_views.brand_style,
        name="brand_style",
    ),
    path(
        "branding/<slug:public_slug>/logo-<slug:logo_hash>.png",
        branding_views.brand_logo,
        name="brand_logo",
    ),
    path("teams/<int:team_id>/delete", views.team_delete, name="delete"),
]
