"""What can be done to passwords."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.sections import AuthenticationSection
from accounts.sessions import lifecycle
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import current
from restai_site.lib.errors import Forbidden, Invalid


def least_length_of(user: User) -> int:
    """Return how many characters a password of `user` needs: fewer beside a second factor."""
    rules = current(AuthenticationSection)
    if user.second_factor_since is not None:
        return rules.password_min_length_with_factor
    return rules.password_min_length


def check_password(password: str, user: User) -> None:
    """Raise Invalid, naming the field, unless `password` satisfies the password rules."""
    least = least_length_of(user)
    if len(password) < least:
        message = f"Enter at least {least} characters; a few unrelated words make a good password."
        raise Invalid(message, fields={"password": [message]})
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), fields={"password": error.messages}) from None


@transaction.atomic
def change_password(user: User, *, current_password: str, new: str, actor: Actor) -> User:
    """Set a new password for the actor's own account; other sessions end.

    Raises Invalid when the current password is wrong or the new one breaks the rules.
    """
    if not actor.is_own_session or actor.user_id != user.pk:
        raise Forbidden("Passwords are changed by their owner, signed in.")
    user = User.objects.select_for_update().get(pk=user.pk)
    if not user.check_password(current_password):
        message = "The current password is not right."
        raise Invalid(message, fields={"current_password": [message]})
    check_password(new, user)
    user.set_password(new)
    user.password_changed_at = timezone.now()
    user.save(update_fields=["password", "password_changed_at"])
    lifecycle.end_all_of(user, but=actor.session_id)
    record(actor, "user.password_change", user, changes={"password": "changed"})
    return user
