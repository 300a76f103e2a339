"""`manage.py verify_audit`: whether the audit trail is the one that was written."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.chain.checkpoints import BadCheckpoint, Checkpoint, read, told
from audit.chain.keys import public_keys
from audit.chain.trail import verify_trail
from audit.chain.verifying import Problem, Report, as_dict


class Command(BaseCommand):
    """Looks at every row and every seal, and at what was told outside the database."""

    help = "Verify the audit trail; ends with 1 where something is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--checkpoint",
            action="append",
            default=[],
            type=Path,
            metavar="FILE",
            help="a checkpoint that was kept elsewhere; may be given several times",
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        checkpoints = _checkpoints(options["checkpoint"])
        report = verify_trail(checkpoints)
        if options["json"]:
            marks = sorted(one.number for one in checkpoints)
            self.stdout.write(json.dumps({**as_dict(report), "checkpoints": marks}, indent=2))
        else:
            self._say(report, checkpoints)
        if not report.holds:
            sys.exit(1)

    def _say(self, report: Report, checkpoints: list[Checkpoint]) -> None:
        self.stdout.write(
            f"Entries: {report.entries}. Seals: {report.seals}. Not sealed yet: {report.waiting}."
        )
        if report.removed_until:
            self.stdout.write(
                f"Removed on purpose: {report.removed} entries, up to seal {report.removed_until}."
            )
        if report.erased:
            self.stdout.write(f"Without the data of erased people: {report.erased} entries.")
        if not checkpoints:
            self.stdout.write(
                "No checkpoint was given or kept: a cut end or an emptied table would not show. "
                "Set AUDIT_CHECKPOINT_FILE."
            )
        for problem in report.problems:
            self.stdout.write(_sentence(problem))
        if report.more:
            self.stdout.write(f"And {report.more} more.")
        if report.holds:
            self.stdout.write("The trail is as it was written.")


def _checkpoints(files: list[Path]) -> list[Checkpoint]:
    """Return the checkpoints in `files` and the one that this server keeps."""
    public = public_keys()
    try:
        given = [read(file.read_bytes(), public) for file in files]
        kept = told()
    except (BadCheckpoint, OSError) as error:
        raise CommandError(str(error)) from None
    return given if kept is None else [*given, kept]


def _sentence(problem: Problem) -> str:
    places = []
    if problem.entry is not None:
        places.append(f"entry {problem.entry}")
    if problem.seal is not None:
        places.append(f"seal {problem.seal}")
    return f"{' of '.join(places).capitalize()} {problem.what}."
