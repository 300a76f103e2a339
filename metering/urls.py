"""Pages of this app; the dashboard's address is the root's."""

from django.urls import path

from metering import analytics_views

app_name = "metering"
urlpatterns = [
    path("teams/<int:team_id>/analytics", analytics_views.team_analytics, name="team_analytics"),
    path(
        "projects/<int:project_id>/analytics",
        analytics_views.project_analytics,
        name="project_analytics",
    ),
]
