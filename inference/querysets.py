"""Which conversations an actor may reach."""

from typing import TYPE_CHECKING

from django.db import models

from projects.models import Project
from restai_site.lib.actor import Actor

if TYPE_CHECKING:
    from inference.models import Conversation  # noqa: F401  named by a string below


class ConversationQuerySet(models.QuerySet["Conversation"]):
    """Conversations belong to the person, or visitor, who has them, and may use the project."""

    def visible_to(self, actor: Actor) -> "ConversationQuerySet":
        """One's own, in projects that are visible. Administrators see nobody else's."""
        projects = Project.objects.visible_to(actor)
        if actor.visitor_id is not None:
            return self.filter(visitor_id=actor.visitor_id, project__in=projects)
        if actor.user_id is None:
            return self.none()
        return self.filter(user_id=actor.user_id, project__in=projects)

    def editable_by(self, actor: Actor) -> "ConversationQuerySet":
        """As `visible_to`."""
        return self.visible_to(actor)
