"""Offering a project to all teams as a guard."""

from django.db import transaction

from audit.services import record
from guards.eligibility import have_graph_alone
from guards.models import PlatformGuard
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Forbidden

FOR_ADMINISTRATORS = "Only platform administrators offer guards to all teams."


@transaction.atomic
def offer_guard(project: Project, *, actor: Actor) -> PlatformGuard:
    """Let every team use a project as a guard; again is the same. Raises Forbidden."""
    _require_administrator(actor)
    have_graph_alone()
    offered, is_new = PlatformGuard.objects.get_or_create(
        project=project, defaults={"created_by_id": actor.user_id}
    )
    if is_new:
        record(actor, "guard.offer", offered, team_id=project.team_id, changes={"project": project})
    return offered


@transaction.atomic
def withdraw_guard(offered: PlatformGuard, *, actor: Actor) -> None:
    """Take a guard back from the other teams: what it guards there lets nothing pass from now on.

    Raises Forbidden.
    """
    _require_administrator(actor)
    have_graph_alone()
    team_id = offered.project.team_id
    record(actor, "guard.withdraw", offered, team_id=team_id, changes={"project": offered.project})
    offered.delete()


def _require_administrator(actor: Actor) -> None:
    if not actor.is_platform_admin:
        raise Forbidden(FOR_ADMINISTRATORS)
