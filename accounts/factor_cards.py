"""What the cards of the profile's Security tab show of second factors."""

from typing import Any

from accounts.models import Passkey, TotpDevice, User
from accounts.policy import second_factor_required_of
from accounts.services.passkeys import passkeys_available
from accounts.services.recovery_codes import codes_left


def factor_cards(user: User) -> dict[str, Any]:
    """Return the context of second_factor_card.html and passkeys_card.html. Three queries."""
    return {
        "app": TotpDevice.objects.filter(user=user, confirmed=True).first(),
        "passkeys": Passkey.objects.filter(user=user),
        "codes_left": codes_left(user),
        "factor_is_required": second_factor_required_of(is_platform_admin=user.is_platform_admin),
        "offers_passkeys": passkeys_available(),
    }
