"""`manage.py restore FILE`: a backup, into a database that holds nothing yet."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from restai_site.backup.manifest import BadBackup
from restai_site.backup.restoring import restore


class Command(BaseCommand):
    """Restores as the owner of the tables; ends with 1 where the audit trail does not hold."""

    help = "Restore a backup into an empty database, and verify its audit trail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            said, report = restore(options["file"])
        except BadBackup as error:
            raise CommandError(error.message) from None
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from None
        self.stdout.write(f"The backup of {said['made_at']} (version {said['version']}) is back.")
        self.stdout.write("Give the serving role its rights: manage.py grant_web_role ROLE.")
        if not report.holds:
            self.stdout.write("Its audit trail does not hold; type: manage.py verify_audit")
            sys.exit(1)
        self.stdout.write(f"Its audit trail holds: {report.entries:,} entries are as written.")
