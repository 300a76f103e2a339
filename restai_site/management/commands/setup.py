"""`manage.py setup`: what a fresh installation needs before somebody can sign in."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from accounts.models import User
from accounts.services import create_user, renew_setup_link
from restai_site.demonstration import ensure_demonstration
from restai_site.lib.actor import Actor
from restai_site.lib.crypto.start import refuse_unreadable_secrets
from restai_site.lib.errors import DomainError

LOCK_NUMBER = 0x5E7_0B  # any number; all starts of this installation agree on it


class Command(BaseCommand):
    help = "Make the demonstration, and the first administrator or the link that makes one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--print-link", action="store_true", help="print the one-time set-up link"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_unreadable_secrets()
        actor = Actor.system("setup")
        with transaction.atomic(), connection.cursor() as cursor:
            # Two hosts may start at the same moment.
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_NUMBER])
            ensure_demonstration(actor=actor)
            self._administrator(actor)
            token = renew_setup_link() if options["print_link"] else None
        if token:
            self.stdout.write(f"{settings.PUBLIC_URL}/setup/{token}")

    def _administrator(self, actor: Actor) -> None:
        given = bool(settings.ADMIN_EMAIL), bool(settings.ADMIN_PASSWORD)
        if not any(given) or User.objects.exists():
            return
        if not all(given):
            raise CommandError("Set both RESTAI_ADMIN_EMAIL and RESTAI_ADMIN_PASSWORD, or neither.")
        try:
            create_user(
                email=settings.ADMIN_EMAIL,
                password=settings.ADMIN_PASSWORD,
                is_platform_admin=True,
                actor=actor,
            )
        except DomainError as error:
            raise CommandError(f"RESTAI_ADMIN_PASSWORD: {error.message}") from None
