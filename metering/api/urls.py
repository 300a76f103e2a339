"""REST API of this app."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from metering.api.analytics import AnalyticsCsvView, AnalyticsView
from metering.api.views import UsageViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("usage", UsageViewSet, basename="usage")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(router.urls)),
    path("analytics", AnalyticsView.as_view(), name="analytics"),
    path("analytics.csv", AnalyticsCsvView.as_view(), name="analytics-csv"),
]
