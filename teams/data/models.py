"""Files of what the platform has about a team."""

from django.db import models
from django.db.models import Q

from accounts.models import AbstractExport, User
from restai_site.lib.actor import Actor
from teams.querysets import TeamQuerySet


def _of_team(actor: Actor) -> TeamQuerySet:
    from teams.models import Team

    return Team.objects.editable_by(actor)


class TeamExportQuerySet(models.QuerySet["TeamExport"]):
    """Exports are for who runs the team, signed in as themselves."""

    def visible_to(self, actor: Actor) -> "TeamExportQuerySet":
        """Those of every team that the actor runs; none for keys and impersonators."""
        return self.filter(team__in=_of_team(actor)) if actor.is_own_session else self.none()


class TeamExport(AbstractExport):
    """A file with everything about a team. It goes with its team."""

    team = models.ForeignKey("teams.Team", on_delete=models.CASCADE, related_name="exports")
    asked_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = TeamExportQuerySet.as_manager()

    class Meta(AbstractExport.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["team"], condition=Q(finished_at=None), name="team_export_one_unfinished"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="team_export_oldest")]
