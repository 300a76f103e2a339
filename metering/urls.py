"""Pages of this app."""

from django.urls import URLPattern, path

from metering import rate_limit_views

app_name = "metering"
LIMITS = "projects/<int:project_id>/limits"
urlpatterns: list[URLPattern] = [
    path(LIMITS, rate_limit_views.project_limits, name="project_limits"),
    path(f"{LIMITS}/rate", rate_limit_views.project_rate_limit, name="project_rate_limit"),
]
