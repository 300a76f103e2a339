"""Pages of this app."""

from django.urls import path

from accounts.views import impersonation, keys, profile, sign_in

app_name = "accounts"
SECURITY = "profile/security"
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
    path("profile/keys", keys.keys, name="keys"),
    path("profile/keys/<int:key_id>/revoke", keys.revoke_key, name="revoke_key"),
    path("profile/keys/<int:key_id>/rotate", keys.rotate_key, name="rotate_key"),
    path("users/<int:user_id>/impersonate", impersonation.begin, name="impersonate"),
    path("impersonation/end", impersonation.end, name="end_impersonation"),
]
