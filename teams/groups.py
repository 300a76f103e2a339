"""Groups of directories and identity providers, and the memberships that follow them.

A membership that somebody has made by hand is never touched. One that follows a group says whose
groups in its `source`, and ends at the next sign-in after the group is gone.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from accounts.ldap.section import is_installed
from accounts.models import IdentityProvider, User
from audit.services import changes_of, record
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from teams.models import GroupMapping, Membership, Team
from teams.services import end_invitations, end_membership

LDAP = "ldap"
AROUND_COMMAS = re.compile(r"\s*,\s*")
ROLES = Membership.Role


def sources() -> list[tuple[str, str]]:
    """Return whose groups can be mapped: the word that is kept, and what people call it."""
    providers = IdentityProvider.objects.only("slug", "name")
    return [(LDAP, "LDAP"), *((one.source, one.name) for one in providers)]


def team_choices() -> list[tuple[int, str]]:
    """Return the id and the name of every team, for the layers below."""
    return list(Team.objects.order_by("name", "id").values_list("pk", "name"))


@transaction.atomic
def create_mapping(values: Mapping[str, Any], *, actor: Actor) -> GroupMapping:
    """Map a group to a team. Raises Forbidden, Invalid, Conflict (mapped to this team already)."""
    _require_platform_admin(actor)
    mapping = GroupMapping(**values)
    _check(mapping)
    _save(mapping)
    record(actor, "group_mapping.create", mapping, team_id=mapping.team_id, changes=values)
    return mapping


@transaction.atomic
def update_mapping(
    mapping: GroupMapping, values: Mapping[str, Any], *, actor: Actor
) -> GroupMapping:
    """Change a mapping; memberships follow at the next sign-in. Raises as `create_mapping`."""
    _require_platform_admin(actor)
    mapping = GroupMapping.objects.select_for_update().get(pk=mapping.pk)
    changes = changes_of(mapping, values)
    for name in changes:
        setattr(mapping, name, values[name])
    _check(mapping)
    if changes:
        _save(mapping)
        record(actor, "group_mapping.update", mapping, team_id=mapping.team_id, changes=changes)
    return mapping


@transaction.atomic
def delete_mapping(mapping: GroupMapping, *, actor: Actor) -> None:
    """Delete a mapping; memberships that followed it end at the next sign-in. Raises Forbidden."""
    _require_platform_admin(actor)
    record(actor, "group_mapping.delete", mapping, team_id=mapping.team_id)
    mapping.delete()


def follow_groups(
    sender: object,
    *,
    user: User,
    source: str,
    groups: frozenset[str],
    created: bool,
    actor: Actor,
    default_team_id: int | None = None,
    **_: object,
) -> None:
    """Bring the memberships of `user` in line with their groups at `source`.

    The receiver of accounts.directory.groups_read: `user` is signing in, and this runs inside the
    transaction of that. Of several groups that lead to one team the stronger role counts. A new
    user comes into the default team, where they stay until somebody takes them out.
    """
    wanted = _wanted(source, groups)
    teams = {team.pk: team for team in _locked_teams(user, source, {*wanted, default_team_id})}
    held = {row.team_id: row for row in Membership.objects.filter(user=user)}
    for team_id, row in held.items():
        if row.source == source and team_id in teams:
            _keep_in_line(row, teams[team_id], wanted.get(team_id), actor)
    for team_id, role in wanted.items():
        if team_id not in held:
            _add(teams[team_id], user, role, source, actor)
    if created and default_team_id in teams and default_team_id not in {*held, *wanted}:
        _add(teams[default_team_id], user, ROLES.MEMBER, "", actor)


def _wanted(source: str, groups: frozenset[str]) -> dict[int, str]:
    """Return the role in each team that the groups lead to."""
    wanted: dict[int, str] = {}
    rows = GroupMapping.objects.filter(source=source, group__in=groups)
    for team_id, role in rows.values_list("team_id", "role"):
        wanted[team_id] = ROLES.ADMIN if ROLES.ADMIN in {role, wanted.get(team_id)} else role
    return wanted


def _locked_teams(user: User, source: str, team_ids: set[int | None]) -> list[Team]:
    """Lock the teams that may change, in one order, so that no two sign-ins wait for each other."""
    followed = Membership.objects.filter(user=user, source=source).values_list("team_id", flat=True)
    ids = {team_id for team_id in (*team_ids, *followed) if team_id is not None}
    return list(Team.objects.select_for_update().filter(pk__in=ids).order_by("pk"))


def _keep_in_line(row: Membership, team: Team, role: str | None, actor: Actor) -> None:
    shown = {"user": row.user, "source": row.source}
    if role is None:
        record(actor, "team.member_remove", team, team_id=team.pk, changes=shown)
        end_membership(row, team, actor=actor)
    elif role != row.role:
        changes = changes_of(row, {"role": role})
        row.role = role
        row.save(update_fields=["role"])
        record(actor, "team.member_role", team, team_id=team.pk, changes=shown | changes)


def _add(team: Team, user: User, role: str, source: str, actor: Actor) -> None:
    Membership.objects.create(team=team, user=user, role=role, source=source)
    end_invitations(team, user)
    shown = {"user": user, "role": role, "source": source}
    record(actor, "team.member_add", team, team_id=team.pk, changes=shown)


def _check(mapping: GroupMapping) -> None:
    mapping.group = mapping.group.strip()
    if mapping.source == LDAP:
        mapping.group = _as_sign_ins_name_it(mapping.group)
    if not mapping.group or not mapping.group.isprintable():
        raise Invalid("Enter the name of a group.", fields={"group": ["Enter a name."]})
    if mapping.source not in dict(sources()):
        message = "There is no such provider."
        raise Invalid(message, fields={"source": [message]})
    if mapping.role not in ROLES.values:
        raise Invalid("A role is admin or member.", fields={"role": ["Choose admin or member."]})


def _as_sign_ins_name_it(group: str) -> str:
    """Return a distinguished name as directories compare it."""
    if is_installed():
        from accounts.ldap.backend import normal_dn

        return normal_dn(group)
    return AROUND_COMMAS.sub(",", group.lower())


def _save(mapping: GroupMapping) -> None:
    try:
        with transaction.atomic():
            mapping.save()
    except IntegrityError:
        message = "This group is mapped to this team already."
        raise Conflict(message, fields={"group": [message]}) from None


def _require_platform_admin(actor: Actor) -> None:
    if not actor.is_platform_admin:
        raise Forbidden("Only platform administrators may map groups.")
