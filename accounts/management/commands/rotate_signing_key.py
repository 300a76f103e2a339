"""Give the signatures of session cookies a new key."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from accounts.models import Session, SigningKey
from accounts.sessions import tokens
from audit.services import record
from restai_site.lib.actor import Actor


class Command(BaseCommand):
    """`rotate_signing_key [--end-sessions]`."""

    help = "Sign session cookies by a new key. Sessions go on, unless --end-sessions is given."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--end-sessions",
            action="store_true",
            help="End every session and drop the older keys: everybody signs in again.",
        )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate, and say what has happened."""
        kid = tokens.rotate()
        ended = 0
        if options["end_sessions"]:
            ended = Session.objects.all().delete()[1].get("accounts.Session", 0)
            SigningKey.objects.exclude(kid=kid).delete()
        actor = Actor.system("rotate_signing_key")
        record(actor, "signing_key.rotate", SigningKey, changes={"key": kid, "ended": ended})
        self.stdout.write(f"The key {kid} signs cookies from now on; {ended} sessions ended.")
