"""`manage.py roll_up`: bring the sums of the ledger up to date, which the worker does by itself."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from metering.rolling_up import mark_all, roll_up


class Command(BaseCommand):
    """Sums up the ledger. It may be stopped and run again, also while the worker is at it."""

    help = "Bring the statistics of use up to date with the ledger."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--all", action="store_true", help="sum up again every day that the ledger holds"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["all"]:
            mark_all()
        steps = roll_up()
        self.stdout.write(f"The statistics are up to date; {steps} steps were taken before.")
