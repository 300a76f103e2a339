"""REST API of findings, their reviews and figures."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from guards.api.events import GuardEventViewSet
from guards.api.statistics import GuardStatisticsView
from guards.findings_export import findings_csv

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("guards/events", GuardEventViewSet, basename="guard-event")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(router.urls)),
    path("guards/events.csv", findings_csv, name="guard-events-csv"),
    path("guards/statistics", GuardStatisticsView.as_view(), name="guard-statistics"),
]
