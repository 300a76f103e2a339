"""What can be done to teams, their members and their grants."""

from teams.services.members import add_member, change_role, remove_member
from teams.services.teams import (
    GRANT_FIELDS,
    create_team,
    delete_team,
    rename_team,
    set_grants,
)

__all__ = [
    "GRANT_FIELDS",
    "add_member",
    "change_role",
    "create_team",
    "delete_team",
    "remove_member",
    "rename_team",
    "set_grants",
]
