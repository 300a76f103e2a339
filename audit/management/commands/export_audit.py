"""`manage.py export_audit FILE`: the chain for whoever verifies it elsewhere."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from audit.chain.exporting import lines
from audit.models import Entry
from audit.services import record
from restai_site.lib.actor import Actor


class Command(BaseCommand):
    """Writes JSON lines, which scripts/verify_audit.py verifies without the database."""

    help = "Export the sealed audit trail as JSON lines."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="where to write it; must not be there yet")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        with transaction.atomic():
            record(Actor.system("export_audit"), "audit.export", Entry)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        with os.fdopen(handle, "wb") as file:
            file.writelines(lines())
        self.stdout.write(f"Exported to {path}.")
