"""Pages of this app."""

from django.urls import URLPattern, URLResolver, path

from guards import analytics_views, findings_views

app_name = "guards"
PROJECT = "projects/<int:project_id>/guards"
TEAM = "teams/<int:team_id>/guards"
EVENT = "guards/events/<uuid:event_id>"

# Figures, findings and their reviews.
findings_urls: list[URLPattern | URLResolver] = [
    path("guards/analytics", analytics_views.platform_analytics, name="analytics"),
    path(TEAM, analytics_views.team_analytics, name="team_analytics"),
    path(f"{PROJECT}/analytics", analytics_views.project_analytics, name="project_analytics"),
    path("guards/events", findings_views.platform_events, name="events"),
    path(f"{TEAM}/events", findings_views.team_events, name="team_events"),
    path(f"{PROJECT}/events", findings_views.project_events, name="project_events"),
    path(EVENT, findings_views.event, name="event"),
    path(f"{EVENT}/review", findings_views.event_review, name="event_review"),
    path(f"{EVENT}/withdraw", findings_views.event_withdraw, name="event_withdraw"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *findings_urls,
]
