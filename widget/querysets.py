"""Which widgets an actor may reach, and which of them answer."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from projects.models import Project
from restai_site.lib.actor import Actor
from teams.models import Membership

if TYPE_CHECKING:
    from widget.models import Widget  # noqa: F401  named by a string below


class WidgetQuerySet(models.QuerySet["Widget"]):
    """Widgets: for who edits their project."""

    def visible_to(self, actor: Actor) -> "WidgetQuerySet":
        """The widgets of every project that is editable."""
        return self.filter(project__in=Project.objects.editable_by(actor))

    def editable_by(self, actor: Actor) -> "WidgetQuerySet":
        """The same: who sees a widget may change it."""
        return self.visible_to(actor)

    def answering(self) -> "WidgetQuerySet":
        """Those whose key holds: in time, not revoked, of somebody who is still of the team."""
        still_there = Membership.objects.filter(
            team_id=OuterRef("project__team_id"), user_id=OuterRef("key__user_id")
        )
        unexpired = Q(key__expires_at__isnull=True) | Q(key__expires_at__gt=Now())
        return self.filter(
            unexpired,
            Q(key__user__is_platform_admin=True) | Exists(still_there),
            key__revoked_at__isnull=True,
            key__user__is_active=True,
            key__user__is_restricted=False,
        )
