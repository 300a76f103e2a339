"""Whose account an identity is: linked, found by its address, made, or refused."""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import policy
from accounts.directory import groups_read, leave
from accounts.ldap.section import LdapSection
from accounts.models import IdentityProvider, LinkedAccount, User, normal_email
from accounts.models.providers import SUBJECT_MAX_LENGTH
from accounts.notices import tell
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import current
from restai_site.lib.errors import Conflict, Forbidden, Unauthenticated

NAME_MAX_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Identity:
    """What a provider has proven, or says, of a person. `amr` is how they signed in there."""

    subject: str
    email: str
    email_verified: bool
    name: str = ""
    groups: frozenset[str] = frozenset()
    amr: frozenset[str] = frozenset()

    @property
    def proven_email(self) -> str:
        """The address, where the provider has verified it and it is one; else nothing.

        Letters beyond ASCII are refused: some turn into others when case is ignored, and then an
        address would be somebody else's.
        """
        email = normal_email(self.email) if self.email.isascii() else ""
        try:
            validate_email(email)
        except ValidationError:
            return ""
        return email if self.email_verified and len(email) <= 254 else ""


class IdentityRefused(Unauthenticated):
    """The person is not let in by this provider. `reason` is for the audit trail alone."""

    code = "sign_in_refused"

    def __init__(self, provider: IdentityProvider, reason: str) -> None:
        super().__init__(
            f"You cannot sign in here by {provider}: ask an administrator of this platform."
        )
        self.reason = reason


@transaction.atomic
def user_of(provider: IdentityProvider, identity: Identity, *, actor: Actor) -> User:
    """Return the user whose account `identity` is, and bring what hangs on it up to date.

    Linked accounts come first; then, where the provider is set so, a user with the address that the
    provider has verified, but never an administrator; then a new, restricted user. Raises
    IdentityRefused, in the same words whatever the reason.
    """
    provider = IdentityProvider.objects.select_for_update(no_key=True).get(pk=provider.pk)
    _require_enabled(provider, identity)
    link = LinkedAccount.objects.filter(provider=provider, subject=identity.subject)
    found = link.select_for_update(of=("self",)).select_related("user").first()
    created = False
    if found is None:
        user, created = _unlinked(provider, identity, actor)
        found = _link(provider, identity, user, actor)
        if not created:
            tell("account_linked", user.email, str(provider))
    user = found.user
    if not user.is_active:
        raise IdentityRefused(provider, "suspended")
    found.email, found.last_used_at = _shown_email(identity), timezone.now()
    found.save(update_fields=["email", "last_used_at"])
    groups_read.send(
        IdentityProvider,
        user=user,
        source=provider.source,
        groups=identity.groups,
        created=created,
        actor=actor,
        default_team_id=provider.default_team_id,
    )
    return user


@transaction.atomic
def link_account(
    provider: IdentityProvider, identity: Identity, user: User, *, actor: Actor
) -> LinkedAccount:
    """Link an account to the actor's own user.

    Raises Forbidden, Conflict (linked already, to this user or another), IdentityRefused.
    """
    if not actor.is_own_session or actor.user_id != user.pk:
        raise Forbidden("Accounts are linked by their owner, signed in.")
    provider = IdentityProvider.objects.select_for_update(no_key=True).get(pk=provider.pk)
    _require_enabled(provider, identity)
    links = LinkedAccount.objects.filter(provider=provider)
    if links.filter(subject=identity.subject).exists():
        raise Conflict(f"This account at {provider} is linked already.")
    if links.filter(user=user).exists():
        raise Conflict(f"You have an account at {provider} already: unlink it first.")
    tell("account_linked", user.email, str(provider))
    return _link(provider, identity, user, actor)


@transaction.atomic
def unlink_account(link: LinkedAccount, *, actor: Actor) -> None:
    """Unlink an account of the actor's own. Raises Forbidden, Conflict for the last way in."""
    if not LinkedAccount.objects.editable_by(actor).filter(pk=link.pk).exists():
        raise Forbidden("Accounts are unlinked by their owner, signed in.")
    # Two at once must not each count on the other.
    user = User.objects.select_for_update().get(pk=link.user_id)
    if not _has_other_way_in(user, link):
        raise Conflict("This is your only way in: set a password or link another account first.")
    record(actor, "linked_account.delete", link)
    tell("account_unlinked", user.email, str(link.provider))
    link.delete()
    leave(user, source=link.provider.source, actor=actor)


def refuse(provider: IdentityProvider, reason: str, identity: Identity, *, actor: Actor) -> None:
    """Record that somebody was not let in, and why: they themselves are not told."""
    with transaction.atomic():
        shown = {"reason": reason, "email": identity.email, "subject": identity.subject}
        record(actor, "identity_provider.refuse", provider, changes=shown, status=401)


def _require_enabled(provider: IdentityProvider, identity: Identity) -> None:
    if not provider.enabled:
        raise IdentityRefused(provider, "provider disabled")
    if not 0 < len(identity.subject) <= SUBJECT_MAX_LENGTH or not identity.subject.isprintable():
        raise IdentityRefused(provider, "no subject")
    domain = identity.proven_email.rpartition("@")[2]
    if provider.allowed_domains and domain not in provider.allowed_domains:
        raise IdentityRefused(provider, "domain not allowed")


def _unlinked(provider: IdentityProvider, identity: Identity, actor: Actor) -> tuple[User, bool]:
    """Return the user whom a new account belongs to, and whether they have just been made."""
    email = identity.proven_email
    if not email:
        raise IdentityRefused(provider, "e-mail not verified")
    user = User.objects.select_for_update().filter(email=email).first()
    if user is None:
        return _new_user(provider, identity, actor), True
    if not provider.link_by_verified_email:
        raise IdentityRefused(provider, "address taken, linking off")
    if user.is_platform_admin:
        raise IdentityRefused(provider, "address of an administrator")
    if not user.is_active:
        raise IdentityRefused(provider, "suspended")
    if LinkedAccount.objects.filter(provider=provider, user=user).exists():
        raise IdentityRefused(provider, "linked to another subject")
    return user, False


def _new_user(provider: IdentityProvider, identity: Identity, actor: Actor) -> User:
    if not provider.auto_create:
        raise IdentityRefused(provider, "no such user")
    name = "".join(letter for letter in identity.name if letter.isprintable())
    user = User(email=identity.proven_email, name=name[:NAME_MAX_LENGTH], is_restricted=True)
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise IdentityRefused(provider, "made at the same moment") from None
    record(actor, "user.create", user, changes={"by": provider, "is_restricted": True})
    return user


def _link(
    provider: IdentityProvider, identity: Identity, user: User, actor: Actor
) -> LinkedAccount:
    link = LinkedAccount(
        provider=provider, subject=identity.subject, user=user, email=_shown_email(identity)
    )
    try:
        with transaction.atomic():
            link.save()
    except IntegrityError:
        raise IdentityRefused(provider, "linked at the same moment") from None
    record(actor, "linked_account.create", link, changes={"user": user})
    return link


def _shown_email(identity: Identity) -> str:
    return "".join(letter for letter in identity.email if letter.isprintable())[:254]


def _has_other_way_in(user: User, link: LinkedAccount) -> bool:
    if policy.local_sign_in_open(user):
        by_directory = current(LdapSection).enabled and hasattr(user, "ldap_account")
        if by_directory or user.has_usable_password() or user.passkeys.exists():
            return True
    others = user.linked_accounts.filter(provider__enabled=True).exclude(pk=link.pk)
    return bool(others.exists())
