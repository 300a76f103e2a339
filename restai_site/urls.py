"""The one map of addresses. Pages at the root, the REST API below /api, OpenAI's below /v1."""

from django.contrib import admin
from django.urls import include, path

from metering.analytics_views import dashboard
from restai_site import about, health, pages
from restai_site.api import urls as api
from restai_site.posture.pages import security

handler403 = pages.permission_denied
handler404 = pages.page_not_found
handler500 = pages.server_error

urlpatterns = [
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("admin/", admin.site.urls),
    path("api/", include(api)),
    path("v1/", include("inference.openai_urls")),
    path("", dashboard, name="dashboard"),
    path("search", pages.search, name="search"),
    path("settings/about", about.about, name="about"),
    path("security", security, name="security"),
    path("", include("restai_site.trail.urls")),
    path("", include("accounts.urls")),
    path("", include("configuration.urls")),
    path("", include("catalog.urls")),
    path("", include("teams.urls")),
    path("", include("projects.urls")),
    path("", include("metering.urls")),
    path("", include("inference.bench.urls")),
    path("", include("inference.logs.urls")),
    path("", include("guards.urls")),
    path("", include("inference.urls")),
    path("", include("widget.page_urls")),
    path("", include("widget.urls")),
]
