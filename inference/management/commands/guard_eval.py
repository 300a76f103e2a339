"""`manage.py guard_eval`: how good a guard is over a labelled set, for people and for CI."""

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from guards.case_files import Case, cases_in, form_of
from guards.measures import Judged, Matrix, matrix_of, quantile
from guards.models import GuardSet
from inference.bench.judges import Candidate, of_detector, of_project
from inference.bench.measuring import Payer, Said, costed, judge_all
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.db import in_database
from restai_site.lib.errors import DomainError
from restai_site.ui.templatetags.ui import milliseconds, money

BOUND_MISSED, CANNOT_RUN = 1, 2


class Command(BaseCommand):
    """`guard_eval --guard ID | --detector SLUG --set NAME | FILE [--min-recall X] …`."""

    help = (
        "Run a guard over a labelled set and print how good it is. Exits with 1 where a bound is "
        "missed, with 2 where it cannot run. Calls of models count to the guard's own project."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        judge = parser.add_mutually_exclusive_group(required=True)
        judge.add_argument("--guard", type=int, metavar="ID", help="id of the guard project")
        judge.add_argument("--detector", metavar="SLUG", help="for example injection")
        parser.add_argument("--configuration", metavar="JSON", help="settings of the detector")
        parser.add_argument(
            "--set",
            required=True,
            metavar="NAME",
            help="a shipped set or one of the guard's team, or a file: set.jsonl, set.csv",
        )
        parser.add_argument("--threshold", type=_share, default=0.0, help="0 unless given")
        parser.add_argument("--min-recall", type=_share, help="0 to 1; less is a miss")
        parser.add_argument("--max-false-alarms", type=_share, help="0 to 1; more is a miss")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, print, and judge by the bounds. A text without a judgement misses every bound."""
        try:
            candidate = _candidate(options)
            cases = _cases(options["set"], candidate)
            said = _judged(candidate, cases, options["threshold"])
        except (DomainError, OSError) as error:
            raise CommandError(str(error), returncode=CANNOT_RUN) from None
        report = _report(candidate, cases, said)
        missed = _missed(report, options)
        if options["json"]:
            self.stdout.write(json.dumps({**report, "missed": missed}, indent=2))
        else:
            self.stdout.write(_table(report))
        if missed:
            raise CommandError("\n".join(missed), returncode=BOUND_MISSED)


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError("a share is from 0 to 1")
    return value


def _candidate(options: dict[str, Any]) -> Candidate:
    if options["detector"] is not None:
        return of_detector(options["detector"], _configuration(options["configuration"]))
    if options["configuration"] is not None:
        raise CommandError("Only detectors have a configuration.", returncode=CANNOT_RUN)
    project = Project.objects.filter(pk=options["guard"]).first()
    if project is None:
        raise CommandError("There is no project of this id.", returncode=CANNOT_RUN)
    return of_project(project)


def _configuration(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise CommandError("The configuration is no JSON object.", returncode=CANNOT_RUN)
    return value


def _cases(name: str, candidate: Candidate) -> list[Case]:
    path = Path(name)
    if path.suffix:
        with path.open("rb") as file:
            return cases_in(file, form_of(path.name))
    known = GuardSet.objects.filter(Q(team__isnull=True) | Q(team_id=candidate.team_id))
    found = known.filter(Q(name=name) | Q(source__startswith=f"{name}:")).order_by("-id").first()
    if found is None:
        names = ", ".join(sorted(one.source.partition(":")[0] or one.name for one in known))
        raise CommandError(f"There is no set {name}; there are {names}.", returncode=CANNOT_RUN)
    rows = found.cases.values_list("text", "expected", "category")
    return [Case(*row) for row in rows]


def _judged(candidate: Candidate, cases: Sequence[Case], threshold: float) -> list[Said]:
    payer = Payer(Actor.system("guard_eval"), candidate.team_id, candidate.project_id)
    said: list[Said] = []

    async def take(new: list[Said]) -> bool:
        await in_database(costed, new)
        said.extend(new)
        return True

    texts = [(place, case.text) for place, case in enumerate(cases)]
    async_to_sync(judge_all)(candidate.guard, texts, payer, take, threshold=threshold)
    return said


def _report(candidate: Candidate, cases: Sequence[Case], said: Sequence[Said]) -> dict[str, Any]:
    judged = [Judged(cases[one.key].expected, one.verdict) for one in said]
    matrix = matrix_of(judged)
    times = [one.latency_ms for one in said]
    counts = {name: getattr(matrix, name) for name in Matrix.__dataclass_fields__}
    shares = ("precision", "recall", "f1", "false_alarm_rate")
    return {
        "guard": candidate.name,
        "version": candidate.version,
        "texts": len(cases),
        **counts,
        **{name: getattr(matrix, name) for name in shares},
        "latency_p50_ms": quantile(times, 0.5),
        "latency_p95_ms": quantile(times, 0.95),
        "tokens": sum(one.tokens for one in said),
        "cost": float(sum(one.cost for one in said)),
    }


def _missed(report: dict[str, Any], options: dict[str, Any]) -> list[str]:
    recall, least = report["recall"], options["min_recall"]
    alarms, most = report["false_alarm_rate"], options["max_false_alarms"]
    missed = []
    if least is not None and (recall is None or recall < least):
        missed.append(f"The recall is {_shown(recall)}, less than {least:g}.")
    if most is not None and (alarms is None or alarms > most):
        missed.append(f"The rate of false alarms is {_shown(alarms)}, more than {most:g}.")
    if report["errors"] and (least is not None or most is not None):
        missed.append(f"{report['errors']} texts got no judgement.")
    return missed


def _table(report: dict[str, Any]) -> str:
    lines = [
        f"{report['guard']}, {report['texts']} texts",
        "",
        "                called unsafe  called safe",
        f"  unsafe        {report['tp']:>13}  {report['fn']:>11}",
        f"  safe          {report['fp']:>13}  {report['tn']:>11}",
        f"  no judgement  {report['errors']:>13}",
        "",
        f"  recall        {_shown(report['recall'])}",
        f"  precision     {_shown(report['precision'])}",
        f"  F1            {_shown(report['f1'])}",
        f"  false alarms  {_shown(report['false_alarm_rate'])}",
        f"  latency p50   {milliseconds(report['latency_p50_ms'])}",
        f"  latency p95   {milliseconds(report['latency_p95_ms'])}",
        f"  tokens, cost  {report['tokens']:,}, {money(report['cost'])}",
    ]
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"  # noqa: RUF001 - a dash stands for nothing
