"""`manage.py resolve_pseudonym PSEUDONYM`: who an erased person was."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.erasing.services import resolve
from restai_site.lib.actor import Actor


class Command(BaseCommand):
    """Opens what erased entries said, which takes the key in AUDIT_KEY. It leaves an entry."""

    help = "Say whom a pseudonym in the audit trail stands for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pseudonym", help="as it stands in the trail")

    def handle(self, *args: Any, **options: Any) -> None:
        found = resolve(options["pseudonym"], actor=Actor.system("resolve_pseudonym"))
        if not found:
            raise CommandError("No entry holds this pseudonym, or the key in AUDIT_KEY is another.")
        self.stdout.writelines(found)
