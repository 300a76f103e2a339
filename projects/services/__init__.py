"""What can be done to projects, their prompts, secrets and members."""

from projects.services.invitations import (
    accept_project_invitation,
    decline_project_invitation,
    invite_to_project,
    resend_project_invitation,
    revoke_project_invitation,
)
from projects.services.members import (
    add_project_member,
    change_project_role,
    remove_project_member,
)
from projects.services.moving import Losses, losses_of_move, move_project
from projects.services.newcomers import (
    accept_as_newcomer,
    accept_invitation,
    decline_invitation,
)
from projects.services.project_secrets import create_secret, delete_secret, update_secret
from projects.services.projects import create_project, delete_project, update_project
from projects.services.prompts import restore_prompt, set_prompt
from projects.services.rules import require_grant

__all__ = [
    "Losses",
    "accept_as_newcomer",
    "accept_invitation",
    "accept_project_invitation",
    "add_project_member",
    "change_project_role",
    "create_project",
    "create_secret",
    "decline_invitation",
    "decline_project_invitation",
    "delete_project",
    "delete_secret",
    "invite_to_project",
    "losses_of_move",
    "move_project",
    "remove_project_member",
    "require_grant",
    "resend_project_invitation",
    "restore_prompt",
    "revoke_project_invitation",
    "set_prompt",
    "update_project",
    "update_secret",
]
