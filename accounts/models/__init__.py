"""Users and everything by which they are known."""

from accounts.models.attempts import AttemptCounter
from accounts.models.keys import ApiKey
from accounts.models.links import MailedLink
from accounts.models.sessions import Session, SigningKey
from accounts.models.users import (
    SetupLink,
    User,
    UserManager,
    normal_email,
    normal_password,
)

__all__ = [
    "ApiKey",
    "AttemptCounter",
    "MailedLink",
    "Session",
    "SetupLink",
    "SigningKey",
    "User",
    "UserManager",
    "normal_email",
    "normal_password",
]
