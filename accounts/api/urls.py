"""REST API of this app."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from accounts.api.provider_views import IdentityProviderViewSet, LinkedAccountViewSet
from accounts.api.sessions import EndOtherSessionsView, ImpersonationView, SessionViewSet
from accounts.api.sign_in import SignInView, SignOutView, WaysInView
from accounts.api.views import ApiKeyViewSet, MeView, UserViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("users", UserViewSet, basename="user")
router.register("keys", ApiKeyViewSet, basename="key")
router.register("auth/providers", IdentityProviderViewSet, basename="identity-provider")
router.register("auth/linked-accounts", LinkedAccountViewSet, basename="linked-account")
router.register("auth/sessions", SessionViewSet, basename="session")

urlpatterns: list[URLPattern | URLResolver] = [
    path("me", MeView.as_view(), name="me"),
    path("auth", WaysInView.as_view(), name="auth"),
    path("auth/sign-in", SignInView.as_view(), name="auth-sign-in"),
    path("auth/sign-out", SignOutView.as_view(), name="auth-sign-out"),
    path("auth/sessions/end-others", EndOtherSessionsView.as_view(), name="session-end-others"),
    path("auth/impersonation", ImpersonationView.as_view(), name="impersonation"),
    path("", include(router.urls)),
]
