"""Pages of this app."""

from django.urls import path

from projects import secret_views, views
from projects.permissions.api import MatrixView
from projects.permissions.export import matrix_csv
from projects.permissions.views import permissions, view_as

app_name = "projects"
PROJECT = "projects/<int:project_id>"
urlpatterns = [
    path("permissions", permissions, name="permissions"),
    path("permissions/matrix", MatrixView.as_view(), name="permissions_matrix"),
    path("permissions/matrix.csv", matrix_csv, name="permissions_csv"),
    path("permissions/users/<int:user_id>", view_as, name="permissions_user"),
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
    path(f"{PROJECT}/access", views.access, name="access"),
    path(f"{PROJECT}/access/visibility", views.visibility, name="visibility"),
    path(f"{PROJECT}/access/<int:member_id>/role", views.member_role, name="member_role"),
    path(f"{PROJECT}/access/<int:member_id>/remove", views.member_remove, name="member_remove"),
    path(f"{PROJECT}/settings", views.project_settings, name="settings"),
    path(f"{PROJECT}/delete", views.project_delete, name="delete"),
]
