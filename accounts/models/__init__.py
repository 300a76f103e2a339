"""Users and everything by which they are known."""

from accounts.models.attempts import AttemptCounter
from accounts.models.exports import AbstractExport, DataExport
from accounts.models.factors import Passkey, RecoveryCode, TotpDevice
from accounts.models.keys import ApiKey
from accounts.models.ldap import LdapAccount
from accounts.models.links import MailedLink
from accounts.models.providers import IdentityProvider, LinkedAccount
from accounts.models.sessions import Session, SigningKey
from accounts.models.users import (
    SetupLink,
    User,
    UserManager,
    normal_email,
    normal_password,
)

__all__ = [
    "AbstractExport",
    "ApiKey",
    "AttemptCounter",
    "DataExport",
    "IdentityProvider",
    "LdapAccount",
    "LinkedAccount",
    "MailedLink",
    "Passkey",
    "RecoveryCode",
    "Session",
    "SetupLink",
    "SigningKey",
    "TotpDevice",
    "User",
    "UserManager",
    "normal_email",
    "normal_password",
]
