"""Which users and keys an actor may reach."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from restai_site.lib.actor import Actor

if TYPE_CHECKING:
    from accounts.models import (  # noqa: F401 - named in the types of the base classes
        ApiKey,
        Passkey,
        Session,
        User,
    )


class UserQuerySet(models.QuerySet["User"]):
    """Users. Whom a team admin may see is the business of teams."""

    def visible_to(self, actor: Actor) -> "UserQuerySet":
        """Platform administrators see everybody, others themselves."""
        return self if actor.is_platform_admin else self.filter(pk=actor.own_id)

    def editable_by(self, actor: Actor) -> "UserQuerySet":
        """Platform administrators edit everybody, others themselves."""
        return self.visible_to(actor)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Keys: their owner's business; platform administrators may see and revoke them."""

    def visible_to(self, actor: Actor) -> "ApiKeyQuerySet":
        """Platform administrators see all keys, others their own."""
        return self if actor.is_platform_admin else self.filter(user_id=actor.own_id)

    def editable_by(self, actor: Actor) -> "ApiKeyQuerySet":
        """Whoever sees a key may revoke it, but not by a key."""
        return self.visible_to(actor) if actor.handles_credentials else self.none()

    def unrevoked(self) -> "ApiKeyQuerySet":
        """Keys that nobody has revoked, expired or not."""
        return self.filter(revoked_at__isnull=True)

    def usable(self) -> "ApiKeyQuerySet":
        """Keys that are neither revoked nor expired, of active users."""
        unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=Now())
        return self.filter(unexpired, revoked_at__isnull=True, user__is_active=True)


class SessionQuerySet(models.QuerySet["Session"]):
    """Sessions: their owner's business; platform administrators may end them."""

    def visible_to(self, actor: Actor) -> "SessionQuerySet":
        """Platform administrators see all sessions of people, others their own."""
        signed_in = self.filter(user__isnull=False)
        return signed_in if actor.is_platform_admin else signed_in.filter(user_id=actor.own_id)

    def editable_by(self, actor: Actor) -> "SessionQuerySet":
        """Whoever sees a session may end it: signed in, and not in somebody else's name."""
        return self.visible_to(actor) if actor.handles_credentials else self.none()


class PasskeyQuerySet(models.QuerySet["Passkey"]):
    """Passkeys: their owner's business alone; administrators can take all factors away at once."""

    def visible_to(self, actor: Actor) -> "PasskeyQuerySet":
        """Everybody sees their own."""
        return self.filter(user_id=actor.own_id)

    def editable_by(self, actor: Actor) -> "PasskeyQuerySet":
        """Everybody changes their own, signed in themselves."""
        return self.visible_to(actor) if actor.is_own_session else self.none()
