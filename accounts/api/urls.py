"""REST API of this app."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from accounts.api import factors
from accounts.api.data import DataExportViewSet
from accounts.api.erasures import ErasureViewSet
from accounts.api.keys import ApiKeyViewSet
from accounts.api.ldap import LdapAccountView
from accounts.api.passwords import EmailView, PasswordResetView, PasswordView
from accounts.api.provider_views import IdentityProviderViewSet, LinkedAccountViewSet
from accounts.api.second_stage import SecondStageView
from accounts.api.sessions import EndOtherSessionsView, ImpersonationView, SessionViewSet
from accounts.api.sign_in import SignInView, SignOutView, WaysInView
from accounts.api.users import UserViewSet
from accounts.api.views import MeView

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("users", UserViewSet, basename="user")
router.register("erasures", ErasureViewSet, basename="erasure")
router.register("keys", ApiKeyViewSet, basename="key")
router.register("auth/passkeys", factors.PasskeyViewSet, basename="passkey")
router.register("auth/providers", IdentityProviderViewSet, basename="identity-provider")
router.register("auth/linked-accounts", LinkedAccountViewSet, basename="linked-account")
router.register("auth/data-exports", DataExportViewSet, basename="data-export")
router.register("auth/sessions", SessionViewSet, basename="session")

urlpatterns: list[URLPattern | URLResolver] = [
    path("me", MeView.as_view(), name="me"),
    path("users/<int:user_id>/ldap", LdapAccountView.as_view(), name="ldap_account"),
    path("auth/password", PasswordView.as_view(), name="auth-password"),
    path("auth/password-reset", PasswordResetView.as_view(), name="auth-password-reset"),
    path("auth/email", EmailView.as_view(), name="auth-email"),
    path("auth", WaysInView.as_view(), name="auth"),
    path("auth/sign-in", SignInView.as_view(), name="auth-sign-in"),
    path("auth/sign-in/second-factor", SecondStageView.as_view(), name="auth-second-stage"),
    path("auth/sign-out", SignOutView.as_view(), name="auth-sign-out"),
    path("auth/sessions/end-others", EndOtherSessionsView.as_view(), name="session-end-others"),
    path("auth/impersonation", ImpersonationView.as_view(), name="impersonation"),
    path("auth/second-factor", factors.SecondFactorView.as_view(), name="second-factor"),
    path("auth/second-factor/totp", factors.TotpView.as_view(), name="totp"),
    path("auth/second-factor/totp/confirm", factors.ConfirmTotpView.as_view(), name="totp-confirm"),
    path(
        "auth/second-factor/recovery-codes",
        factors.RecoveryCodesView.as_view(),
        name="recovery-codes",
    ),
    path(
        "auth/passkeys/registration",
        factors.PasskeyRegistrationView.as_view(),
        name="passkey-registration",
    ),
    path("auth/passkeys/proof", factors.PasskeyProofView.as_view(), name="passkey-proof"),
    path(
        "users/<int:user_id>/second-factor",
        factors.UserSecondFactorView.as_view(),
        name="user-second-factor",
    ),
    path("", include(router.urls)),
]
