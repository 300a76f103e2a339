"""Pages of this app."""

from django.urls import path

from accounts.services.links import Purpose
from accounts.views import impersonation, keys, passwords, profile, sign_in, users

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
    path(f"{SECURITY}/email", profile.change_email, name="change_email"),
    path(f"{SECURITY}/sessions/<uuid:session_id>/end", profile.end_session, name="end_session"),
    path(f"{SECURITY}/sessions/end-others", profile.end_other_sessions, name="end_other_sessions"),
    path("profile/keys", keys.keys, name="keys"),
    path("profile/keys/<int:key_id>/revoke", keys.revoke_key, name="revoke_key"),
    path("password/forgot", passwords.forgot, name="forgot"),
    path("password/forgot/sent", passwords.forgot_sent, name="forgot_sent"),
    path("password/reset", passwords.reset, name="reset"),
    path("password/reset/<str:token>", passwords.follow_link, {"purpose": Purpose.RESET}),
    path("invitation", passwords.accept, name="accept"),
    path("invitation/<str:token>", passwords.follow_link, {"purpose": Purpose.INVITATION}),
    path("email", passwords.confirm_email, name="confirm_email"),
    path("email/<str:token>", passwords.follow_link, {"purpose": Purpose.EMAIL_CHANGE}),
    path("users", users.users, name="users"),
    path("users/invite", users.invite, name="invite"),
    path("users/<int:user_id>", users.user, name="user"),
    path("users/<int:user_id>/role", users.role, name="role"),
    path("users/<int:user_id>/suspend", users.suspend, name="suspend"),
    path("users/<int:user_id>/activate", users.activate, name="activate"),
    path("users/<int:user_id>/sessions/end", users.end_sessions, name="user_end_sessions"),
    path("users/<int:user_id>/keys/<int:key_id>/revoke", users.revoke_key, name="user_revoke_key"),
    path("users/<int:user_id>/invitation", users.invite_again, name="invite_again"),
    path("users/<int:user_id>/invitation/show", users.show_invitation, name="show_invitation"),
    path("users/<int:user_id>/delete", users.delete, name="user_delete"),
    path("users/<int:user_id>/impersonate", impersonation.begin, name="impersonate"),
    path("impersonation/end", impersonation.end, name="end_impersonation"),
]
