"""Pages of this app."""

from django.urls import URLPattern, path

from metering.rates import views as rates

app_name = "metering"
LIMITS = "projects/<int:project_id>/limits"
urlpatterns: list[URLPattern] = [
    path(LIMITS, rates.project_limits, name="project_limits"),
    path(f"{LIMITS}/rate", rates.project_rate_limit, name="project_rate_limit"),
]
