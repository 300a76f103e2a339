"""Which conversations an actor may reach."""

from typing import TYPE_CHECKING

from django.db import models

from projects.models import Project
from restai_site.lib.actor import Actor

if TYPE_CHECKING:
    from inference.models import Conversation  # noqa: F401  named by a string below


class ConversationQuerySet(models.QuerySet["Conversation"]):
    """Conversations belong to the person who has them, while they may use the project."""

    def visible_to(self, actor: Actor) -> "ConversationQuerySet":
        """One's own, in projects that are visible. Administrators see nobody else's."""
        if actor.user_id is None:
            return self.none()
        projects = Project.objects.visible_to(actor)
        return self.filter(user_id=actor.user_id, project__in=projects)

    def editable_by(self, actor: Actor) -> "ConversationQuerySet":
        """As `visible_to`."""
        return self.visible_to(actor)
