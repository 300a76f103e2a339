"""`manage.py doctor`: the security posture in a terminal, as the page Security shows it."""

import json
import logging
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.core.management.color import no_style

from audit.services import neutral
from restai_site.lib import posture
from restai_site.lib.posture import Remedy, Report, Result, State, run
from restai_site.posture.api import PostureSerializer

INDENT = " " * 12
# What `--fail-on` lets through no longer; a check that could not be made may hide anything.
FAILING = {
    "critical": frozenset({State.CRITICAL}),
    "warning": frozenset({State.CRITICAL, State.WARNING, State.UNKNOWN}),
}


class Command(BaseCommand):
    """Prints every check with its reason, its examples and what mends it."""

    help = "Say what the security of this installation lacks. Ends with 1 if that is critical."
    # What they would refuse is what is asked about.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print what /api/posture answers")
        parser.add_argument(
            "--fail-on",
            choices=sorted(FAILING),
            default="critical",
            help="end with 1 for this or worse; a check that could not be made is a warning",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with nullcontext() if options["traceback"] else _without_traces():
            report = run()
        if options["json"]:
            self.stdout.write(json.dumps(PostureSerializer(report).data, indent=2))
        else:
            self._print(report, colours=options["force_color"] or self.stdout.isatty())
        if any(result.state in FAILING[options["fail_on"]] for result in report.results):
            sys.exit(1)

    def _print(self, report: Report, *, colours: bool) -> None:
        style = self.style if colours else no_style()
        paint: dict[State, Callable[[str], str]] = {
            State.CRITICAL: style.ERROR,
            State.WARNING: style.WARNING,
            State.UNKNOWN: style.NOTICE,
            State.ADVICE: style.HTTP_INFO,
            State.GOOD: style.SUCCESS,
        }
        for group in report.areas:
            self.stdout.write(style.MIGRATE_HEADING(group.area))
            for result in group.results:
                state = paint[result.state](f"{result.state.upper():<8}")
                self.stdout.write(f"  {state}  {result.check.title}")
                for line in _lines(result):
                    self.stdout.write(INDENT + neutral(line))
            self.stdout.write("")
        counts = [f"{count} {state}" for state, count in report.counts.items()]
        self.stdout.write(f"{report.sentence} ({', '.join(counts)})")


@contextmanager
def _without_traces() -> Iterator[None]:
    """Log in one line what failed: the log of a command is the terminal. --traceback shows all."""

    def shorten(record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True

    posture.logger.addFilter(shorten)
    try:
        yield
    finally:
        posture.logger.removeFilter(shorten)


def _lines(result: Result) -> list[str]:
    lines = [result.finding.reason]
    if examples := result.finding.found.examples:
        named = ", ".join(example.name for example in examples)
        lines.append(f"{named}, {result.more}" if result.more else named)
    if remedy := result.finding.remedy:
        lines.append(_told(remedy))
    return lines


def _told(remedy: Remedy) -> str:
    where = f"{settings.PUBLIC_URL}{remedy.url}" if remedy.url else ""
    return f"{remedy.label}: {where or remedy.variable or remedy.command}"
