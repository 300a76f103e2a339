"""Addresses of guards at their places."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from guards.api.bindings import (
    DetectorsView,
    GuardSettingsView,
    MandatoryGuardViewSet,
    OfferViewSet,
    ProjectGuardViewSet,
)

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("guards/mandatory", MandatoryGuardViewSet, basename="mandatory-guard")
router.register("guards/offers", OfferViewSet, basename="guard-offer")
router.register("projects/<int:project_id>/guards", ProjectGuardViewSet, basename="project-guard")

urlpatterns = [
    path("guards/detectors", DetectorsView.as_view(), name="detectors"),
    path(
        "projects/<int:project_id>/guard-settings",
        GuardSettingsView.as_view(),
        name="guard-settings",
    ),
    path("", include(router.urls)),
]
