"""Brings the database up to date: `python -m restai_site.embedded.database [ROLE]`.

One process for what would be two commands, since most of a command's time is its start. Runs as the
role that owns the tables; ROLE is the one that serves.
"""

import sys

import django
from django.core.management import CommandError, call_command


def main(roles: list[str]) -> None:
    """Migrate, then give each of `roles` its rights."""
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    try:
        for role in roles:
            call_command("grant_web_role", role)
    except CommandError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main(sys.argv[1:])
