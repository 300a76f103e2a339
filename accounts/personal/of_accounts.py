"""What the accounts themselves have about a person."""

from collections.abc import Iterator

from accounts.models import ApiKey, LdapAccount, LinkedAccount, Passkey, Session, User
from accounts.personal.holdings import Held, holds
from audit.models import Entry

PROFILE = (
    *("id", "email", "name", "theme", "is_platform_admin", "is_restricted", "is_active"),
    *("date_joined", "last_login", "second_factor_since"),
)
KEY = (
    *("id", "name", "prefix", "scope", "project_ids", "team_id", "allowed_networks"),
    *("created_at", "expires_at", "last_used_at", "revoked_at"),
)
ENTRY = ("id", "created_at", "action", "target_type", "target_id", "target_name", "ip", "status")


@holds("profile")
def profile(user: User) -> Iterator[Held]:
    """The account itself."""
    yield {name: getattr(user, name) for name in PROFILE}


@holds("api_keys")
def api_keys(user: User) -> Iterator[Held]:
    """Keys, without their secrets."""
    yield from ApiKey.objects.filter(user=user).order_by("pk").values(*KEY)


@holds("sessions")
def sessions(user: User) -> Iterator[Held]:
    """Browsers that are signed in."""
    names = ("created_at", "last_seen_at", "expires_at", "ip", "user_agent", "amr")
    yield from Session.objects.filter(user=user).order_by("created_at").values(*names)


@holds("sign_in")
def sign_in(user: User) -> Iterator[Held]:
    """Accounts elsewhere, and passkeys."""
    for linked in LinkedAccount.objects.filter(user=user).select_related("provider"):
        yield {"provider": linked.provider.name, "email": linked.email, "subject": linked.subject}
    for there in LdapAccount.objects.filter(user=user):
        yield {"directory": there.dn}
    for passkey in Passkey.objects.filter(user=user):
        yield {"passkey": passkey.name, "created_at": passkey.created_at}


@holds("actions")
def actions(user: User) -> Iterator[Held]:
    """What the person has done, as the audit trail has it."""
    yield from Entry.objects.filter(actor_id=user.pk).order_by("pk").values(*ENTRY).iterator()
