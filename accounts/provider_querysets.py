"""Which identity providers and linked accounts an actor may reach."""

from typing import TYPE_CHECKING, Any, Self

from django.db import models

from restai_site.lib.actor import Actor

if TYPE_CHECKING:
    from accounts.models import LinkedAccount  # noqa: F401 - named in the type of the base class


class IdentityProviderQuerySet(models.QuerySet[Any]):
    """Identity providers: platform administrators only."""

    def visible_to(self, actor: Actor) -> Self:
        """Platform administrators see all, others none."""
        return self if actor.is_platform_admin else self.none()

    def editable_by(self, actor: Actor) -> Self:
        """Platform administrators edit them, signed in: a provider lets people in."""
        return self.visible_to(actor) if actor.handles_credentials else self.none()


class LinkedAccountQuerySet(models.QuerySet["LinkedAccount"]):
    """Linked accounts: their owner's business; platform administrators see them."""

    def visible_to(self, actor: Actor) -> "LinkedAccountQuerySet":
        """Platform administrators see all, others their own."""
        return self if actor.is_platform_admin else self.filter(user_id=actor.own_id)

    def editable_by(self, actor: Actor) -> "LinkedAccountQuerySet":
        """Their owner unlinks them, signed in."""
        own = self.filter(user_id=actor.own_id)
        return own if actor.is_own_session else self.none()
