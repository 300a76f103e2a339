"""What a narrowed credential may reach: decided by the route that was found, in one place.

The route is the one that Django has resolved, so no spelling of an address gets around it. Each
rule denies what it does not name.
"""

from django.http import HttpRequest

from restai_site.lib.actor import CHAT, FULL, WIDGET, Actor
from restai_site.lib.errors import Forbidden

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# Where a second factor is set up.
ENROLMENT_PAGES = frozenset(
    {
        "accounts:enrol",
        "accounts:begin_app",
        "accounts:confirm_app",
        "accounts:add_passkey",
        "accounts:passkey_registration",
    }
)
# What else people do to factors of their own.
FACTOR_WRITES = ENROLMENT_PAGES | frozenset(
    {
        "accounts:remove_app",
        "accounts:recovery_codes",
        "accounts:passkey_proof",
        "accounts:rename_passkey",
        "accounts:remove_passkey",
        "second-factor",
        "totp",
        "totp-confirm",
        "recovery-codes",
        "passkey-list",
        "passkey-detail",
        "passkey-registration",
        "passkey-proof",
    }
)
# What touches credentials: for people in their own session, never for keys, Basic or impersonation.
CREDENTIALS = FACTOR_WRITES | frozenset(
    {
        "user-second-factor",
        "accounts:password",
        "accounts:change_email",
        "accounts:keys",
        "accounts:revoke_key",
        "accounts:rotate_key",
        "accounts:limit_key",
        "accounts:security",
        "accounts:end_session",
        "accounts:end_other_sessions",
        "accounts:link_account",
        "accounts:unlink_account",
        "linked-account-list",
        "linked-account-detail",
        "key-list",
        "key-detail",
        "key-rotate",
        "session-list",
        "session-detail",
        "auth-password",
        "auth-email",
        "session-end-others",
    }
)
# For people as themselves as well: what they say yes or no to.
ANSWERS = frozenset(
    {
        "projects:accept_invitation",
        "projects:decline_invitation",
        "projects:accept_project_invitation",
        "projects:decline_project_invitation",
        "team-invitation-accept",
        "team-invitation-decline",
        "project-invitation-accept",
        "project-invitation-decline",
    }
)
# What a key for chats alone may do, and what it may read for that.
CHAT_WRITES = frozenset({"openai:chat-completions", "project-chat"})
CHAT_READS = frozenset({"openai:models", "openai:model", "project-list", "project-detail", "me"})
# What the key of a widget may do: it stands in the pages of other websites.
WIDGET_WRITES = frozenset(
    {
        *("widget:config", "widget:session", "widget:chat", "widget:feedback"),
        *("widget:conversation", "widget:conversations"),
    }
)
# Files of what the platform has about somebody.
PERSONAL = frozenset(
    {
        "accounts:data",
        "accounts:make_data",
        "accounts:fetch_data",
        "data-export-list",
        "data-export-detail",
        "data-export-file",
    }
)
# What restricted users may do besides reading: chat, look after their own account, and answer
# invitations: no role that these give lets them write.
RESTRICTED_WRITES = (
    CHAT_WRITES
    | FACTOR_WRITES
    | ANSWERS
    | frozenset(
        {
            "accounts:logout",
            "accounts:make_data",
            "data-export-list",
            "accounts:password",
            "accounts:change_email",
            "auth-password",
            "auth-email",
            "accounts:theme",
            "teams:switch",
            "accounts:revoke_key",
            "accounts:end_session",
            "accounts:end_other_sessions",
            "accounts:link_account",
            "accounts:unlink_account",
            "linked-account-detail",
            "accounts:end_impersonation",
            "auth-sign-out",
            "impersonation",
            "session-detail",
            "session-end-others",
        }
    )
)
# Where somebody who has yet to set up the second factor that is required may go.
ENROLMENT = ENROLMENT_PAGES | frozenset(
    {
        "accounts:logout",
        "accounts:end_impersonation",
        "auth-sign-out",
        "impersonation",
    }
)


def name_of(request: HttpRequest) -> str:
    """Return the name of the route that `request` has found, with its name space."""
    match = request.resolver_match
    return match.view_name if match is not None else ""


def check(actor: Actor, request: HttpRequest) -> None:
    """Raise Forbidden where the credential, or a restriction of the user, does not reach this far.

    What the user's roles allow is asked afterwards, of the rows.
    """
    route, is_read = name_of(request), request.method in SAFE_METHODS
    if actor.scope == CHAT and route not in (CHAT_READS if is_read else CHAT_WRITES):
        raise Forbidden("This API key is for chats alone.", code="key_scope")
    if actor.scope == WIDGET and (is_read or route not in WIDGET_WRITES):
        raise Forbidden(
            "The key of a widget is for the chat of that widget alone.", code="key_scope"
        )
    if actor.scope not in {FULL, CHAT, WIDGET} and not is_read:
        raise Forbidden("This API key may read and nothing else.", code="key_scope")
    if route in CREDENTIALS and not actor.is_own_session:
        raise Forbidden("Credentials are for people who are signed in as themselves.")
    if route in PERSONAL and not actor.is_own_session:
        raise Forbidden("Your data is for you alone: sign in as yourself.")
    if route in ANSWERS and not actor.is_own_session:
        raise Forbidden("Invitations are answered by people who are signed in as themselves.")
    if actor.is_restricted and not is_read and route not in RESTRICTED_WRITES:
        raise Forbidden("Your account is restricted: you may read and chat.", code="restricted")
