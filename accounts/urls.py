"""Pages of this app."""

from django.urls import path

from accounts.views import (
    enrolment,
    impersonation,
    keys,
    ldap,
    passkeys,
    profile,
    second_factor,
    sign_in,
)

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
    path("sign-in/second-factor", second_factor.second_factor, name="second_factor"),
    path("sign-in/passkey", second_factor.sign_in_with_passkey, name="passkey"),
    path("sign-in/passkey/options", second_factor.passkey_options, name="passkey_options"),
    path(f"{SECURITY}/enrol", enrolment.enrol, name="enrol"),
    path(f"{SECURITY}/app", enrolment.begin_app, name="begin_app"),
    path(f"{SECURITY}/app/confirm", enrolment.confirm_app, name="confirm_app"),
    path(f"{SECURITY}/app/remove", enrolment.remove_app, name="remove_app"),
    path(f"{SECURITY}/recovery-codes", enrolment.recovery_codes, name="recovery_codes"),
    path(f"{SECURITY}/passkeys", passkeys.add, name="add_passkey"),
    path(
        f"{SECURITY}/passkeys/registration",
        passkeys.registration_options,
        name="passkey_registration",
    ),
    path(f"{SECURITY}/passkeys/proof", passkeys.proof_options, name="passkey_proof"),
    path(f"{SECURITY}/passkeys/<int:passkey_id>/rename", passkeys.rename, name="rename_passkey"),
    path(f"{SECURITY}/passkeys/<int:passkey_id>/remove", passkeys.remove, name="remove_passkey"),
    path("profile/keys", keys.keys, name="keys"),
    path("profile/keys/<int:key_id>/revoke", keys.revoke_key, name="revoke_key"),
    path("users/<int:user_id>/impersonate", impersonation.begin, name="impersonate"),
    path("users/<int:user_id>/ldap", ldap.account, name="ldap_account"),
    path("users/<int:user_id>/ldap/unlink", ldap.unlink, name="ldap_unlink"),
    path("impersonation/end", impersonation.end, name="end_impersonation"),
]
