"""What can be done to guards. Each writes its entry of the trail in its own transaction."""

from guards.services.bindings import add_binding, remove_binding, update_binding
from guards.services.offers import offer_guard, withdraw_guard
from guards.services.settings import set_censorship_message

__all__ = [
    "add_binding",
    "offer_guard",
    "remove_binding",
    "set_censorship_message",
    "update_binding",
    "withdraw_guard",
]
