"""Pages of this app."""

from django.urls import path

from accounts.views import impersonation, keys, profile, providers, sign_in, sso

app_name = "accounts"
SECURITY = "profile/security"
PROVIDERS = "settings/sign-in-providers"
PROVIDER = f"{PROVIDERS}/<int:identity_provider_id>"
urlpatterns = [
    path("login", sign_in.log_in, name="login"),
    path("logout", sign_in.log_out, name="logout"),
    path("setup/<str:token>", sign_in.set_up, name="setup"),
    path("profile", profile.profile, name="profile"),
    path("profile/theme", profile.change_theme, name="theme"),
    path(SECURITY, profile.security, name="security"),
    path(f"{SECURITY}/password", profile.change_password, name="password"),
    path(f"{SECURITY}/sessions/<uuid:session_id>/end", profile.end_session, name="end_session"),
    path(f"{SECURITY}/sessions/end-others", profile.end_other_sessions, name="end_other_sessions"),
    path(f"{SECURITY}/links/<slug:provider_slug>", sso.link, name="link_account"),
    path(f"{SECURITY}/links/<int:link_id>/unlink", sso.unlink, name="unlink_account"),
    path("sign-in/<slug:provider_slug>", sso.start, name="sso_start"),
    path("sign-in/<slug:provider_slug>/callback", sso.callback, name="sso_callback"),
    path(PROVIDERS, providers.provider_list, name="providers"),
    path(f"{PROVIDERS}/new", providers.provider_new, name="provider_new"),
    path(PROVIDER, providers.provider_edit, name="provider_edit"),
    path(f"{PROVIDER}/test", providers.provider_test, name="provider_test"),
    path(f"{PROVIDER}/delete", providers.provider_delete, name="provider_delete"),
    path("profile/keys", keys.keys, name="keys"),
    path("profile/keys/<int:key_id>/revoke", keys.revoke_key, name="revoke_key"),
    path("users/<int:user_id>/impersonate", impersonation.begin, name="impersonate"),
    path("impersonation/end", impersonation.end, name="end_impersonation"),
]
