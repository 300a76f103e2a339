"""Pages of this app."""

from django.urls import path

from projects import access_views, invitation_views, moving_views, secret_views, views
from projects.erasing import views as erasing_views
from projects.permissions.api import MatrixView
from projects.permissions.export import matrix_csv
from projects.permissions.views import permissions, view_as
from projects.retention.views import project_retention, purge, retention, team_retention

app_name = "projects"
PROJECT = "projects/<int:project_id>"
INVITATION = f"{PROJECT}/invitations/<int:project_invitation_id>"
TO_TEAM = "invitations/team/<int:invitation_id>"
TO_PROJECT = "invitations/project/<int:project_invitation_id>"
urlpatterns = [
    path("permissions", permissions, name="permissions"),
    path("permissions/matrix", MatrixView.as_view(), name="permissions_matrix"),
    path("permissions/matrix.csv", matrix_csv, name="permissions_csv"),
    path("permissions/users/<int:user_id>", view_as, name="permissions_user"),
    path("teams/erasures", erasing_views.erasures, name="team_erasures"),
    path("teams/<int:team_id>/erase", erasing_views.erase, name="erase_team"),
    path("projects", views.project_list, name="list"),
    path("projects/new", views.project_new, name="new"),
    path(PROJECT, views.overview, name="overview"),
    path(f"{PROJECT}/prompt", views.prompt, name="prompt"),
    path(f"{PROJECT}/prompt/<int:number>/restore", views.prompt_restore, name="prompt_restore"),
    path(f"{PROJECT}/api", views.api, name="api"),
    path(f"{PROJECT}/secrets", secret_views.secrets, name="secrets"),
    path(f"{PROJECT}/secrets/<int:secret_id>", secret_views.secret, name="secret"),
    path(
        f"{PROJECT}/secrets/<int:secret_id>/delete",
        secret_views.secret_delete,
        name="secret_delete",
    ),
    path(f"{PROJECT}/access", access_views.access, name="access"),
    path(f"{PROJECT}/access/visibility", access_views.visibility, name="visibility"),
    path(f"{PROJECT}/access/<int:member_id>/role", access_views.member_role, name="member_role"),
    path(
        f"{PROJECT}/access/<int:member_id>/remove", access_views.member_remove, name="member_remove"
    ),
    path(f"{PROJECT}/invitations", access_views.project_invite, name="invite"),
    path(
        f"{INVITATION}/resend",
        invitation_views.project_invitation_resend,
        name="invitation_resend",
    ),
    path(
        f"{INVITATION}/revoke",
        invitation_views.project_invitation_revoke,
        name="invitation_revoke",
    ),
    path("invitations", invitation_views.my_invitations, name="invitations"),
    path("invitations/answer", invitation_views.invitation, name="invitation"),
    path(f"{TO_TEAM}/accept", invitation_views.accept_invitation, name="accept_invitation"),
    path(f"{TO_TEAM}/decline", invitation_views.decline_invitation, name="decline_invitation"),
    path(
        f"{TO_PROJECT}/accept",
        invitation_views.accept_project_invitation,
        name="accept_project_invitation",
    ),
    path(
        f"{TO_PROJECT}/decline",
        invitation_views.decline_project_invitation,
        name="decline_project_invitation",
    ),
    path("invitations/<str:token>", invitation_views.follow_invitation),
    path(f"{PROJECT}/settings", views.project_settings, name="settings"),
    path(f"{PROJECT}/retention", project_retention, name="project_retention"),
    path("teams/<int:team_id>/retention", team_retention, name="team_retention"),
    path("settings/retention/runs", retention, name="retention"),
    path("settings/retention/purge", purge, name="purge"),
    path(f"{PROJECT}/move", moving_views.project_move, name="move"),
    path(f"{PROJECT}/delete", views.project_delete, name="delete"),
]
