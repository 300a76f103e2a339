"""Invitations as those who are invited meet them: to teams and to projects alike."""

from typing import Any

from django.db.models import BigIntegerField, CharField, F, QuerySet, Value

from projects.models import ProjectInvitation
from restai_site.lib.actor import Actor
from teams.models import AbstractInvitation, Invitation

KINDS: dict[str, type[AbstractInvitation]] = {
    kind.kind: kind for kind in (Invitation, ProjectInvitation)
}


def waiting_for(actor: Actor) -> QuerySet[Any, dict[str, Any]]:
    """Return the invitations that the actor may answer, newest first, as one list of both kinds."""
    to_teams = _shown(
        Invitation.objects.addressed_to(actor),
        team="team",
        project_id=Value(None, output_field=BigIntegerField()),
        project_name=Value("", output_field=CharField()),
    )
    to_projects = _shown(
        ProjectInvitation.objects.addressed_to(actor),
        team="project__team",
        project_id=F("project__pk"),
        project_name=F("project__name"),
    )
    both: QuerySet[Any, dict[str, Any]] = to_teams.union(to_projects, all=True)
    return both.order_by("-sent_at", "kind", "-pk")


def count_waiting(actor: Actor) -> int:
    """Return how many invitations wait for the actor. One query."""
    found = [rows.order_by().values("pk") for rows in _rows(actor)]
    count: int = found[0].union(*found[1:], all=True).count()
    return count


def find(digest: object) -> AbstractInvitation | None:
    """Return the invitation to which the link with `digest` leads, where it still holds."""
    if not isinstance(digest, str) or not digest:
        return None
    for kind in KINDS.values():
        rows: Any = kind._default_manager.all()
        found: AbstractInvitation | None = rows.holding().filter(digest=digest).first()
        if found is not None:
            return found
    return None


def _rows(actor: Actor) -> list[Any]:
    managers: list[Any] = [kind._default_manager for kind in KINDS.values()]
    return [manager.all().addressed_to(actor) for manager in managers]


def _shown(rows: Any, *, team: str, project_id: Any, project_name: Any) -> QuerySet[Any, Any]:
    """Return the columns of one kind under names that both share, in one order."""
    named = rows.order_by().annotate(
        kind=Value(rows.model.kind, output_field=CharField()),
        place_team_id=F(f"{team}__pk"),
        place_team=F(f"{team}__name"),
        place_project_id=project_id,
        place_project=project_name,
        inviter_name=F("invited_by__name"),
        inviter_email=F("invited_by__email"),
        sent_at=F("created_at"),
        until=F("expires_at"),
    )
    shown: QuerySet[Any, Any] = named.values(
        *("kind", "pk", "role", "place_team_id", "place_team", "place_project_id"),
        *("place_project", "inviter_name", "inviter_email", "sent_at", "until"),
    )
    return shown
