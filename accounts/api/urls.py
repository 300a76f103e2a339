"""REST API of this app."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from accounts.api.passwords import EmailView, PasswordResetView, PasswordView
from accounts.api.users import UserViewSet
from accounts.api.views import ApiKeyViewSet, MeView

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("users", UserViewSet, basename="user")
router.register("keys", ApiKeyViewSet, basename="key")

urlpatterns: list[URLPattern | URLResolver] = [
    path("me", MeView.as_view(), name="me"),
    path("auth/password", PasswordView.as_view(), name="auth-password"),
    path("auth/password-reset", PasswordResetView.as_view(), name="auth-password-reset"),
    path("auth/email", EmailView.as_view(), name="auth-email"),
    path("", include(router.urls)),
]
