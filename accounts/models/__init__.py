"""Users and everything by which they are known."""

from accounts.models.attempts import AttemptCounter
from accounts.models.keys import ApiKey
from accounts.models.providers import IdentityProvider, LinkedAccount
from accounts.models.sessions import Session, SigningKey
from accounts.models.users import SetupLink, User, UserManager, normal_email

__all__ = [
    "ApiKey",
    "AttemptCounter",
    "IdentityProvider",
    "LinkedAccount",
    "Session",
    "SetupLink",
    "SigningKey",
    "User",
    "UserManager",
    "normal_email",
]
