"""`manage.py backup FILE`: everything that the database holds, in one signed file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from restai_site.backup.writing import write


class Command(BaseCommand):
    """Writes a backup while the platform goes on. Sessions are left out: people sign in again."""

    help = "Back the database up into one file; the keys of the environment are not in it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="where to write it; must not be there yet")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            said = write(path)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        rows = sum(table["rows"] for table in said["tables"].values())
        self.stdout.write(f"{rows:,} rows of {len(said['tables'])} tables are in {path}.")
        self.stdout.write("Keep it apart from the keys in the environment: it needs them.")
