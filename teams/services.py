"""What can be done to teams, their members and their grants."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from accounts.models import User
from audit.services import changes_of, record
from catalog.models import CatalogModel
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from teams import time_zones
from teams.models import Membership, Team

GRANT_FIELDS = ("llms", "embedding_models", "image_generators", "audio_generators")
SLUG_LENGTH = 60


@transaction.atomic
def create_team(*, name: str, time_zone: str = time_zones.UTC, actor: Actor) -> Team:
    """Create a team; for platform administrators. Raises Forbidden, Invalid."""
    _require_platform_admin(actor)
    _require_time_zone(time_zone)
    team = Team(name=name, slug=_free_slug(name), time_zone=time_zone)
    team.save()
    shown = {"name": name, "time_zone": time_zone}
    record(actor, "team.create", team, team_id=team.pk, changes=shown)
    return team


@transaction.atomic
def rename_team(team: Team, *, name: str, actor: Actor) -> Team:
    """Give a team another name; its slug stays. Raises Forbidden."""
    team = _lock(team, actor)
    changes = changes_of(team, {"name": name})
    if changes:
        team.name = name
        team.save(update_fields=["name"])
        record(actor, "team.update", team, team_id=team.pk, changes=changes)
    return team


@transaction.atomic
def set_time_zone(team: Team, *, time_zone: str, actor: Actor) -> Team:
    """Say where a team's days and months begin; for platform administrators.

    Budgets are counted by days and months: whoever could move their edges could spend more than
    was meant. Raises Forbidden, Invalid.
    """
    team = _lock(team, actor)
    changes = changes_of(team, {"time_zone": time_zone})
    if changes:
        _require_platform_admin(actor)
        _require_time_zone(time_zone)
        team.time_zone = time_zone
        team.save(update_fields=["time_zone"])
        record(actor, "team.update", team, team_id=team.pk, changes=changes)
    return team


@transaction.atomic
def delete_team(team: Team, *, actor: Actor) -> None:
    """Delete a team without projects; for platform administrators. Raises Forbidden, Conflict."""
    _require_platform_admin(actor)
    # `projects` is the relation name that the layer above gives.
    if team.projects.exists():
        raise Conflict("The team still has projects; delete or move them first.")
    record(actor, "team.delete", team, team_id=team.pk)
    team.delete()


@transaction.atomic
def add_member(team: Team, user: User, *, role: str = "member", actor: Actor) -> Membership:
    """Put a user into a team. Raises Forbidden, Invalid (role), Conflict (already a member)."""
    team = _lock(team, actor)
    _require_role(role)
    try:
        with transaction.atomic():
            membership = Membership.objects.create(team=team, user=user, role=role)
    except IntegrityError:
        raise Conflict(f"{user} is already a member of the team.") from None
    record(actor, "team.member_add", team, team_id=team.pk, changes={"user": user, "role": role})
    return membership


@transaction.atomic
def change_role(membership: Membership, *, role: str, actor: Actor) -> Membership:
    """Change a member's role.

    Nobody changes their own role except a platform administrator. Raises Forbidden, Invalid,
    Conflict when the team would be left without an admin.
    """
    team = _lock(membership.team, actor)
    _require_role(role)
    membership = Membership.objects.select_for_update().get(pk=membership.pk)
    if membership.user_id == actor.user_id and not actor.is_platform_admin:
        raise Forbidden("Nobody changes their own role; ask another team admin.")
    changes = changes_of(membership, {"role": role})
    if changes:
        _keep_one_admin(membership, actor)
        membership.role = role
        membership.save(update_fields=["role"])
        shown = {"user": membership.user, **changes}
        record(actor, "team.member_role", team, team_id=team.pk, changes=shown)
    return membership


@transaction.atomic
def remove_member(membership: Membership, *, actor: Actor) -> None:
    """Remove a member, or leave a team. Raises Forbidden, Conflict for the last admin."""
    leaves = membership.user_id == actor.user_id and not actor.is_narrowed
    team = Team.objects.select_for_update().get(pk=membership.team_id)
    if not leaves:
        _require_editable(team, actor)
    _keep_one_admin(membership, actor)
    record(actor, "team.member_remove", team, team_id=team.pk, changes={"user": membership.user})
    # Assignments to the team's projects end with the membership; the layer above owns their rows.
    membership.user.project_memberships.filter(project__team=team).delete()
    membership.delete()


@transaction.atomic
def set_grants(team: Team, grants: Mapping[str, Iterable[CatalogModel]], *, actor: Actor) -> Team:
    """Set what the team may use: for each kind in `grants` the whole set of its models.

    For platform administrators: models cost the platform money. Raises Forbidden, Invalid.
    """
    _require_platform_admin(actor)
    team = _lock(team, actor)
    if not set(grants) <= set(GRANT_FIELDS):
        raise Invalid("There are grants of LLMs, embedding models, image and audio generators.")
    changes = {kind: _set_grant(team, kind, list(models)) for kind, models in grants.items()}
    shown = {kind: change for kind, change in changes.items() if change}
    if shown:
        record(actor, "team.grants", team, team_id=team.pk, changes=shown)
    return team


def _set_grant(team: Team, kind: str, models: list[CatalogModel]) -> dict[str, Any]:
    relation = getattr(team, kind)
    before = sorted(relation.values_list("name", flat=True))
    after = sorted(model.name for model in models)
    relation.set(models)
    return {} if before == after else {"before": before, "after": after}


def _lock(team: Team, actor: Actor) -> Team:
    team = Team.objects.select_for_update().get(pk=team.pk)
    _require_editable(team, actor)
    return team


def _require_editable(team: Team, actor: Actor) -> None:
    if not Team.objects.editable_by(actor).filter(pk=team.pk).exists():
        raise Forbidden("Only admins of the team may do this.")


def _require_platform_admin(actor: Actor) -> None:
    if not actor.is_platform_admin:
        raise Forbidden("Only platform administrators may do this.")


def _require_time_zone(name: str) -> None:
    if name not in time_zones.known():
        raise Invalid(time_zones.UNKNOWN, fields={"time_zone": [time_zones.UNKNOWN]})


def _require_role(role: str) -> None:
    if role not in Membership.Role.values:
        raise Invalid("A role is admin or member.", fields={"role": ["Choose admin or member."]})


def _keep_one_admin(membership: Membership, actor: Actor) -> None:
    """Refuse to take the last admin's role; the team's row is locked, so counting is safe."""
    if membership.role != Membership.Role.ADMIN or actor.is_platform_admin:
        return
    admins = Membership.objects.filter(team_id=membership.team_id, role=Membership.Role.ADMIN)
    if not admins.exclude(pk=membership.pk).exists():
        raise Conflict("The team needs at least one admin; name another one first.")


def _free_slug(name: str) -> str:
    base = slugify(name)[: SLUG_LENGTH - 8] or "team"
    taken = set(Team.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    slug, number = base, 1
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug
