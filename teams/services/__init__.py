"""What can be done to teams, their members, their grants and invitations to them."""

from teams.services.invitations import (
    accept_team_invitation,
    decline_team_invitation,
    invite_to_team,
    resend_team_invitation,
    revoke_team_invitation,
)
from teams.services.members import (
    add_member,
    change_role,
    end_invitations,
    end_membership,
    join_team,
    remove_member,
)
from teams.services.teams import (
    GRANT_FIELDS,
    create_team,
    delete_team,
    rename_team,
    set_grants,
    set_time_zone,
)

__all__ = [
    "GRANT_FIELDS",
    "accept_team_invitation",
    "add_member",
    "change_role",
    "create_team",
    "decline_team_invitation",
    "delete_team",
    "end_invitations",
    "end_membership",
    "invite_to_team",
    "join_team",
    "remove_member",
    "rename_team",
    "resend_team_invitation",
    "revoke_team_invitation",
    "set_grants",
    "set_time_zone",
]
