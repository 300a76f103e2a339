"""REST API of the audit trail."""

from rest_framework.routers import SimpleRouter

from audit.api.views import EntryViewSet, VerificationViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("audit/verifications", VerificationViewSet, basename="audit-verification")
router.register("audit", EntryViewSet, basename="audit")

urlpatterns = router.urls
