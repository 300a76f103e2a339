"""Pages of this app."""

from django.urls import URLPattern, URLResolver, path

from guards import analytics_views, binding_views, findings_views

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

# Guards at their places.
BINDING = "guards/bindings/<int:binding_id>"
bindings_urls: list[URLPattern | URLResolver] = [
    path("guards", binding_views.platform_guards, name="guards"),
    path("guards/new", binding_views.mandatory_new, name="mandatory_new"),
    path("guards/offers", binding_views.guard_offer, name="offer"),
    path("guards/offers/<int:offer_id>/withdraw", binding_views.guard_withdraw, name="withdraw"),
    path(PROJECT, binding_views.project_guards, name="project_guards"),
    path(f"{PROJECT}/new", binding_views.project_guard_new, name="project_guard_new"),
    path(BINDING, binding_views.binding, name="binding"),
    path(f"{BINDING}/remove", binding_views.binding_remove, name="binding_remove"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *bindings_urls,
    *findings_urls,
]
