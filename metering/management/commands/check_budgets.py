"""Check the counters of budgets against the ledger."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from metering.checking import differences, repair
from metering.models import BudgetPeriod
from restai_site.lib.actor import Actor


class Command(BaseCommand):
    """`check_budgets [--repair]`."""

    help = "Check that budgets have counted what the ledger holds; exit with 1 where they have not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--repair", action="store_true", help="Set counters that are wrong to what is true."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Tell what differs, and put it right where that is asked for."""
        wrong = repair(actor=Actor.system("check_budgets")) if options["repair"] else differences()
        for one in wrong:
            self.stdout.write(
                f"Budget {one.budget_id}, period from {one.starts_at}: spent {one.spent}, in the "
                f"ledger {one.ledger}; reserved {one.reserved}, held {one.held}."
            )
        if wrong and not options["repair"]:
            raise CommandError(f"{len(wrong)} counters are wrong; --repair puts them right.")
        found = f"{len(wrong)} repaired" if wrong else "all as the ledger says"
        self.stdout.write(f"{BudgetPeriod.objects.count()} periods of budgets: {found}.")
