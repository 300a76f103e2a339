"""REST API of this app."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from accounts.api.passwords import EmailView, PasswordResetView, PasswordView
from accounts.api.sessions import EndOtherSessionsView, ImpersonationView, SessionViewSet
from accounts.api.sign_in import SignInView, SignOutView, WaysInView
from accounts.api.users import UserViewSet
from accounts.api.views import ApiKeyViewSet, MeView

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("users", UserViewSet, basename="user")
router.register("keys", ApiKeyViewSet, basename="key")
router.register("auth/sessions", SessionViewSet, basename="session")

urlpatterns: list[URLPattern | URLResolver] = [
    path("me", MeView.as_view(), name="me"),
    path("auth/password", PasswordView.as_view(), name="auth-password"),
    path("auth/password-reset", PasswordResetView.as_view(), name="auth-password-reset"),
    path("auth/email", EmailView.as_view(), name="auth-email"),
    path("auth", WaysInView.as_view(), name="auth"),
    path("auth/sign-in", SignInView.as_view(), name="auth-sign-in"),
    path("auth/sign-out", SignOutView.as_view(), name="auth-sign-out"),
    path("auth/sessions/end-others", EndOtherSessionsView.as_view(), name="session-end-others"),
    path("auth/impersonation", ImpersonationView.as_view(), name="impersonation"),
    path("", include(router.urls)),
]
