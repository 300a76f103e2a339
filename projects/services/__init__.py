"""What can be done to projects, their prompts, secrets and members."""

from projects.services.members import (
    add_project_member,
    change_project_role,
    remove_project_member,
)
from projects.services.project_secrets import create_secret, delete_secret, update_secret
from projects.services.projects import create_project, delete_project, update_project
from projects.services.prompts import restore_prompt, set_prompt
from projects.services.rules import require_grant

__all__ = [
    "add_project_member",
    "change_project_role",
    "create_project",
    "create_secret",
    "delete_project",
    "delete_secret",
    "remove_project_member",
    "require_grant",
    "restore_prompt",
    "set_prompt",
    "update_project",
    "update_secret",
]
