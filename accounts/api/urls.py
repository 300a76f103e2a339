"""REST API of this app."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from accounts.api.provider_views import IdentityProviderViewSet, LinkedAccountViewSet
from accounts.api.views import ApiKeyViewSet, MeView, UserViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("users", UserViewSet, basename="user")
router.register("keys", ApiKeyViewSet, basename="key")
router.register("auth/providers", IdentityProviderViewSet, basename="identity-provider")
router.register("auth/linked-accounts", LinkedAccountViewSet, basename="linked-account")

urlpatterns: list[URLPattern | URLResolver] = [
    path("me", MeView.as_view(), name="me"),
    path("", include(router.urls)),
]
