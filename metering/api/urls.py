"""REST API of this app."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from metering.api.budgets import BudgetViewSet
from metering.api.views import UsageViewSet
from metering.rates.api import ProjectLimitsView

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("usage", UsageViewSet, basename="usage")
router.register("budgets", BudgetViewSet, basename="budget")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(router.urls)),
    path("projects/<int:project_id>/limits", ProjectLimitsView.as_view(), name="project-limits"),
]
