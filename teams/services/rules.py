"""What the services of teams ask before they write."""

from restai_site.lib.actor import Actor
from restai_site.lib.errors import Forbidden, Invalid
from teams.models import Membership, Team


def locked_team(team: Team, actor: Actor) -> Team:
    team = Team.objects.select_for_update().get(pk=team.pk)
    require_editable(team, actor)
    return team


def require_editable(team: Team, actor: Actor) -> None:
    if not Team.objects.editable_by(actor).filter(pk=team.pk).exists():
        raise Forbidden("Only admins of the team may do this.")


def require_platform_admin(actor: Actor) -> None:
    if not actor.is_platform_admin:
        raise Forbidden("Only platform administrators may do this.")


def require_role(role: str) -> None:
    if role not in Membership.Role.values:
        raise Invalid("A role is admin or member.", fields={"role": ["Choose admin or member."]})
