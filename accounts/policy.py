"""What the settings of sign-in ask of a user."""

from django.conf import settings

from accounts.models import User, normal_email
from accounts.sections import AuthenticationSection, LdapSection
from restai_site.lib.configuration import current


def local_sign_in_open(user: User | None) -> bool:
    """Tell whether `user` may come in by a password of the platform.

    Where only identity providers lead in, one administrator may: the one whom BREAK_GLASS_EMAIL
    names, for the day on which the provider is away.
    """
    return current(AuthenticationSection).local_sign_in or (user is not None and breaks_glass(user))


def takes_passwords() -> bool:
    """Tell whether anybody may sign in by typing a password: a local one or a directory's."""
    return (
        current(AuthenticationSection).local_sign_in
        or bool(settings.BREAK_GLASS_EMAIL)
        or current(LdapSection).enabled
    )


def breaks_glass(user: User) -> bool:
    """Tell whether `user` is the administrator who can always come in by password."""
    named = normal_email(settings.BREAK_GLASS_EMAIL)
    return bool(named) and user.is_platform_admin and user.email == named


def second_factor_required_of(*, is_platform_admin: bool) -> bool:
    """Tell whether the settings require a second factor of a user with this role."""
    rule = current(AuthenticationSection).second_factor
    return rule == "everyone" or (rule == "administrators" and is_platform_admin)
