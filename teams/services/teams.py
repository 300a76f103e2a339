"""What can be done to teams and their grants."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from audit.services import changes_of, record
from catalog.models import CatalogModel
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Invalid
from teams import time_zones
from teams.models import Team
from teams.services.rules import locked_team, require_platform_admin

GRANT_FIELDS = ("llms", "embedding_models", "image_generators", "audio_generators")
SLUG_LENGTH = 60


@transaction.atomic
def create_team(*, name: str, time_zone: str = time_zones.UTC, actor: Actor) -> Team:
    """Create a team; for platform administrators. Raises Forbidden, Invalid."""
    require_platform_admin(actor)
    _require_time_zone(time_zone)
    team = Team(name=name, slug=_free_slug(name), time_zone=time_zone)
    team.save()
    shown = {"name": name, "time_zone": time_zone}
    record(actor, "team.create", team, team_id=team.pk, changes=shown)
    return team


@transaction.atomic
def rename_team(team: Team, *, name: str, actor: Actor) -> Team:
    """Give a team another name; its slug stays. Raises Forbidden."""
    team = locked_team(team, actor)
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
    team = locked_team(team, actor)
    changes = changes_of(team, {"time_zone": time_zone})
    if changes:
        require_platform_admin(actor)
        _require_time_zone(time_zone)
        team.time_zone = time_zone
        team.save(update_fields=["time_zone"])
        record(actor, "team.update", team, team_id=team.pk, changes=changes)
    return team


@transaction.atomic
def delete_team(team: Team, *, actor: Actor) -> None:
    """Delete a team without projects; for platform administrators. Raises Forbidden, Conflict."""
    require_platform_admin(actor)
    # Before its budgets, as calls that end at this moment hold it.
    team = locked_team(team, actor)
    # `projects` is the relation name that the layer above gives.
    if team.projects.exists():
        raise Conflict("The team still has projects; delete or move them first.")
    record(actor, "team.delete", team, team_id=team.pk)
    team.delete()


@transaction.atomic
def set_grants(team: Team, grants: Mapping[str, Iterable[CatalogModel]], *, actor: Actor) -> Team:
    """Set what the team may use: for each kind in `grants` the whole set of its models.

    For platform administrators: models cost the platform money. Raises Forbidden, Invalid.
    """
    require_platform_admin(actor)
    team = locked_team(team, actor)
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


def _free_slug(name: str) -> str:
    base = slugify(name)[: SLUG_LENGTH - 8] or "team"
    taken = set(Team.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    slug, number = base, 1
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug


def _require_time_zone(name: str) -> None:
    if name not in time_zones.known():
        raise Invalid(time_zones.UNKNOWN, fields={"time_zone": [time_zones.UNKNOWN]})
