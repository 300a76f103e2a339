"""The REST API of all apps, its schema and its documentation page."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("accounts.api.urls")),
    path("", include("audit.api.urls")),
    path("", include("catalog.api.urls")),
    path("", include("teams.api.urls")),
    path("", include("projects.api.urls")),
    path("", include("inference.api.urls")),
]
