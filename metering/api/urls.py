"""REST API of this app."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from metering.api.views import UsageViewSet
from metering.rates.api import ProjectLimitsView

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("usage", UsageViewSet, basename="usage")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(router.urls)),
    path("projects/<int:project_id>/limits", ProjectLimitsView.as_view(), name="project-limits"),
]
