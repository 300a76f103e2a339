"""`manage.py purge`: remove what is over, or say what would be."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from projects.retention import engine
from projects.retention.kinds import kinds
from restai_site.lib.actor import Actor


class Command(BaseCommand):
    """Removes what is over, as the settings of retention say; the worker does so daily."""

    help = "Remove data whose time is over; --dry-run says how much that is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count, and remove nothing")
        parser.add_argument(
            "--kind", action="append", choices=[kind.slug for kind in kinds()], help="only these"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = [kind for kind in kinds() if kind.slug in (options["kind"] or [kind.slug])]
        if options["dry_run"]:
            counts = engine.preview()
            for kind in chosen:
                self.stdout.write(f"{kind.title}: {counts[kind.slug]:,} would be removed.")
            return
        for kind in chosen:
            run = engine.purge(kind, actor=Actor.system("purge"))
            self.stdout.write(f"{kind.title}: {run.deleted:,} removed.")
