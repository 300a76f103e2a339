"""What authenticator apps and passkeys have in common: when the first comes and the last goes."""

import secrets
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from accounts.models import Passkey, RecoveryCode, TotpDevice, User
from accounts.notices import tell
from accounts.policy import second_factor_required_of
from accounts.sessions import lifecycle
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden


@dataclass(frozen=True, slots=True)
class Proof:
    """What a signed-in person has just proven once more, made by `accounts.proof.prove`."""

    user_id: int
    is_recent: bool = False  # they signed in a moment ago
    by_password: bool = False
    by_factor: bool = False

    @property
    def holds_any(self) -> bool:
        """Whether it is known somehow that the person is who began the session."""
        return self.is_recent or self.by_password or self.by_factor

    def require_any(self, user: User) -> None:
        """Raise ConfirmationRequired unless something was proven, or the sign-in is recent."""
        self._require(user, holds=self.holds_any)

    def require_one(self, user: User) -> None:
        """Raise ConfirmationRequired unless the password or a factor was proven just now."""
        self._require(user, holds=self.by_password or self.by_factor)

    def require_all(self, user: User) -> None:
        """Raise ConfirmationRequired unless the password, where there is one, and a factor were."""
        if not (self.by_password or not user.has_usable_password()) or not self.by_factor:
            raise ConfirmationRequired("Confirm with your password and with a second factor.")
        self._require(user, holds=True)

    def _require(self, user: User, *, holds: bool) -> None:
        if not holds or self.user_id != user.pk:
            raise ConfirmationRequired("Confirm by your password or a code that it is you.")


class ConfirmationRequired(Forbidden):
    """The person has to prove once more who they are."""

    code = "confirmation_required"


def lock_own(user: User, actor: Actor) -> User:
    """Lock the account, so that its factors change one at a time. Raises Forbidden for others."""
    if not actor.is_own_session or actor.user_id != user.pk:
        raise Forbidden("Second factors are changed by their owner, signed in.")
    locked: User = User.objects.select_for_update().get(pk=user.pk)
    return locked


def has_factor(user: User) -> bool:
    """Tell whether the user has an authenticator app or a passkey."""
    return (
        TotpDevice.objects.filter(user=user, confirmed=True).exists()
        or Passkey.objects.filter(user=user).exists()
    )


def note_added(user: User, what: str, *, actor: Actor) -> bool:
    """Note that the locked `user` has one factor more; return whether it is the first.

    Other sessions end: whoever began them has not shown this factor.
    """
    is_first = user.second_factor_since is None
    if is_first:
        user.second_factor_since = timezone.now()
        user.save(update_fields=["second_factor_since"])
    lifecycle.end_all_of(user, but=actor.session_id)
    tell("factor_added", user.email, what)
    return is_first


def require_removable(user: User, *, totp: bool = False, passkey: Passkey | None = None) -> None:
    """Raise Conflict where what is to go is the last factor of a user who must have one."""
    apps = TotpDevice.objects.filter(user=user, confirmed=True)
    keys = Passkey.objects.filter(user=user)
    if totp:
        apps = apps.none()
    if passkey is not None:
        keys = keys.exclude(pk=passkey.pk)
    if apps.exists() or keys.exists():
        return
    if second_factor_required_of(is_platform_admin=user.is_platform_admin):
        raise Conflict("You must have a second factor here: add another one before removing this.")
    if user.password_is_short:
        raise Conflict(
            "Your password is too short to stand alone: choose a longer one, then remove this."
        )


def note_removed(user: User, what: str, *, actor: Actor) -> None:
    """Note that the locked `user` has one factor less; with the last the recovery codes go."""
    if not has_factor(user):
        RecoveryCode.objects.filter(user=user).delete()
        user.second_factor_since = None
        user.save(update_fields=["second_factor_since"])
    lifecycle.end_all_of(user, but=actor.session_id)
    tell("factor_removed", user.email, what)


@transaction.atomic
def reset_factors(user: User, *, actor: Actor) -> User:
    """Take all second factors from a user who has lost them; for platform administrators.

    All sessions of the user end. A password that is too short to stand alone stops working. Raises
    Forbidden for others and for one's own account, Conflict where there is nothing to reset.
    """
    _require_resetter(user, actor)
    user = User.objects.select_for_update().get(pk=user.pk)
    apps = TotpDevice.objects.filter(user=user)
    if user.second_factor_since is None and not apps.exists():
        raise Conflict("This user has no second factor.")
    counts = {
        "totp": apps.delete()[0],
        "passkeys": Passkey.objects.filter(user=user).delete()[0],
        "recovery_codes": RecoveryCode.objects.filter(user=user).delete()[0],
    }
    notice = "factors_reset"
    if user.password_is_short:
        # One that nobody knows, so that its owner can replace it by a mailed link.
        user.set_password(secrets.token_urlsafe(32))
        user.password_is_short = False
        notice = "factors_reset_and_password"
    user.second_factor_since = None
    user.save(update_fields=["second_factor_since", "password", "password_is_short"])
    lifecycle.end_all_of(user)
    record(actor, "user.second_factor_reset", user, changes=counts)
    tell(notice, user.email)
    return user


def _require_resetter(user: User, actor: Actor) -> None:
    if not actor.is_platform_admin:
        raise Forbidden("Only platform administrators may do this.")
    if not actor.handles_credentials:
        raise Forbidden("Second factors are reset by an administrator who is signed in.")
    if actor.user_id == user.pk:
        raise Forbidden("You cannot reset your own factors: ask another administrator.")
