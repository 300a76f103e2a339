"""What can be done to users and their credentials. Each service checks, writes and records."""

from accounts.services.addresses import ask_for_email, confirm_email, send_address_link
from accounts.services.erasure import erase_deleted, erase_user
from accounts.services.invitations import (
    accept_invitation,
    create_by_link,
    find_invitation,
    invite_user,
    renew_invitation,
    send_invitation,
    show_invitation,
)
from accounts.services.keys import (
    create_api_key,
    keys_narrowed_to,
    limit_api_key,
    rename_api_key,
    revoke_api_key,
    revoke_keys_of_project,
    rotate_api_key,
)
from accounts.services.links import digest_of, find_link, make_link, using_link
from accounts.services.passwords import (
    change_password,
    find_reset_link,
    reset_password,
    send_reset_link,
)
from accounts.services.setup import renew_setup_link, setup_link_is_open, use_setup_link
from accounts.services.users import (
    activate_user,
    create_user,
    delete_user,
    require_administrator,
    suspend_user,
    update_user,
)

__all__ = [
    "accept_invitation",
    "activate_user",
    "ask_for_email",
    "change_password",
    "confirm_email",
    "create_api_key",
    "create_by_link",
    "create_user",
    "delete_user",
    "digest_of",
    "erase_deleted",
    "erase_user",
    "find_invitation",
    "find_link",
    "find_reset_link",
    "invite_user",
    "keys_narrowed_to",
    "limit_api_key",
    "make_link",
    "rename_api_key",
    "renew_invitation",
    "renew_setup_link",
    "require_administrator",
    "reset_password",
    "revoke_api_key",
    "revoke_keys_of_project",
    "rotate_api_key",
    "send_address_link",
    "send_invitation",
    "send_reset_link",
    "setup_link_is_open",
    "show_invitation",
    "suspend_user",
    "update_user",
    "use_setup_link",
    "using_link",
]
