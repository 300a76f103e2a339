"""What can be done to users and their credentials. Each service checks, writes and records."""

from accounts.services.keys import (
    create_api_key,
    rename_api_key,
    revoke_api_key,
    rotate_api_key,
)
from accounts.services.passwords import change_password, check_password
from accounts.services.setup import renew_setup_link, setup_link_is_open, use_setup_link
from accounts.services.users import create_user, update_user

__all__ = [
    "change_password",
    "check_password",
    "create_api_key",
    "create_user",
    "rename_api_key",
    "renew_setup_link",
    "revoke_api_key",
    "rotate_api_key",
    "setup_link_is_open",
    "update_user",
    "use_setup_link",
]
