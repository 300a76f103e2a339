"""Settings of this app."""

from collections.abc import Mapping
from typing import Any

from accounts.ldap.section import LdapSection
from restai_site.lib.configuration import Choice, Flag, Number, Section
from restai_site.lib.errors import Invalid

__all__ = ["AuthenticationSection", "LdapSection"]
# NIST SP 800-63B-4, section 3.1.1.2: 15 characters where the password is the only factor, 8 beside
# another one.
PASSWORD_LEAST = 15
PASSWORD_LEAST_WITH_FACTOR = 8
PASSWORD_MOST = 128
SESSION_HOURS_MAX = 24 * 90


class AuthenticationSection(Section):
    """Who may come in, by what, and for how long."""

    slug = "authentication"
    keys_may_change = False
    title = "Sign-in"
    lede = "How people prove who they are, and how long that lasts."
    order = 20

    local_sign_in = Flag(
        default=True,
        label="Sign in with a password",
        explanation=(
            "Off: only identity providers lead in. Passwords, their reset, invitations by mail and "
            "Basic authentication are closed, but for the administrator whom the environment "
            "variable BREAK_GLASS_EMAIL names."
        ),
        variable="LOCAL_SIGN_IN",
    )
    password_min_length = Number(
        PASSWORD_LEAST,
        least=PASSWORD_LEAST,
        most=PASSWORD_MOST,
        label="Shortest password",
        explanation="Characters, where the password is the only factor. 15 is the least.",
        variable="PASSWORD_MIN_LENGTH",
    )
    password_min_length_with_factor = Number(
        PASSWORD_LEAST_WITH_FACTOR,
        least=PASSWORD_LEAST_WITH_FACTOR,
        most=PASSWORD_MOST,
        label="Shortest password beside a second factor",
        explanation="Characters. 8 is the least.",
        variable="PASSWORD_MIN_LENGTH_WITH_FACTOR",
    )
    second_factor = Choice(
        "optional",
        choices=[
            ("optional", "Everybody decides for themselves"),
            ("administrators", "Required of platform administrators"),
            ("everyone", "Required of everybody"),
        ],
        label="Second factor",
        explanation="Whoever needs one and has none can do nothing but set it up.",
        variable="SECOND_FACTOR",
    )
    trust_provider_mfa = Flag(
        default=False,
        label="Trust the second factor of identity providers",
        explanation="When a provider says that it has asked for one, it is not asked for again.",
        variable="TRUST_PROVIDER_MFA",
    )
    session_idle_minutes = Number(
        7 * 24 * 60,
        least=5,
        most=SESSION_HOURS_MAX * 60,
        label="Sign out when idle",
        explanation="Minutes without a request after which a session ends.",
        variable="SESSION_IDLE_MINUTES",
    )
    session_absolute_hours = Number(
        14 * 24,
        least=1,
        most=SESSION_HOURS_MAX,
        label="Sign out in any case",
        explanation="Hours after which a session ends, however busy it is.",
        variable="SESSION_ABSOLUTE_HOURS",
    )
    attempts_per_account = Number(
        5,
        least=3,
        most=100,
        label="Attempts for an account",
        explanation="Wrong ones in a row, then each further one waits twice as long as the last.",
        variable="ATTEMPTS_PER_ACCOUNT",
    )
    attempts_per_address = Number(
        50,
        least=10,
        most=10_000,
        label="Attempts from an address",
        explanation="Wrong ones in a row, for all accounts together.",
        variable="ATTEMPTS_PER_ADDRESS",
    )
    keys_end_with_password = Flag(
        default=False,
        label="A new password ends API keys",
        explanation="On: whoever changes or resets their password makes new keys afterwards.",
        variable="KEYS_END_WITH_PASSWORD",
    )

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Raise Invalid where a password beside a factor would have to be the longer one."""
        if values["password_min_length_with_factor"] > values["password_min_length"]:
            message = "Enter no more than for a password that stands alone."
            raise Invalid(message, fields={"password_min_length_with_factor": [message]})
