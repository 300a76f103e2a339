"""The security posture: checks that each app declares, and the report of what they find.

An app declares its checks in its module `posture.py`, one function each:

    @check("teams-without-admin", "Teams without an admin", Area.ACCOUNTS, State.WARNING)
    def teams_without_admin() -> Finding:
        found = listed(Team.objects.filter(...), "teams:members", name="name")
        if not found.total:
            return good("Every team has an admin.")
        ...

A part that is not there yet is a finding too, and its check says so. The part then takes over the
slug: two checks of one slug are refused, so the old one cannot be forgotten.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import Count, QuerySet, Window
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from restai_site.lib.env import ConfigurationError

logger = logging.getLogger(__name__)
EXAMPLES_MAX = 10
NOT_MADE = "This check could not be made; the log of the server says why."


class State(StrEnum):
    """How a check came out, worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    UNKNOWN = "unknown"
    ADVICE = "advice"
    GOOD = "good"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(State).index(self)


class Area(StrEnum):
    """What a check is about, in the order of the report among equals."""

    ACCOUNTS = "Accounts"
    SECRETS = "Secrets"
    NETWORK = "Network"
    DATA = "Data"
    AUDIT = "Audit"
    MODELS = "Models"
    DEPLOYMENT = "Deployment"


def _address(view: str, args: Sequence[Any]) -> str:
    """Return where the page is; a page that this installation lacks hides no finding."""
    try:
        return reverse(view, args=args)
    except NoReverseMatch:
        logger.exception("The posture names the page %s, which is not there.", view)
        return ""


@dataclass(frozen=True, slots=True)
class Example:
    """One of the things found, with the page that shows it, named without importing its app."""

    name: str
    view: str
    args: tuple[Any, ...] = ()

    @property
    def url(self) -> str:
        """The address of the page."""
        return _address(self.view, self.args)


@dataclass(frozen=True, slots=True)
class Remedy:
    """What mends it: a page, a variable of the environment, or a command. See the functions below.

    `label` is the button or the words before what is to be typed.
    """

    label: str
    view: str = ""
    query: tuple[tuple[str, str], ...] = ()
    variable: str = ""
    command: str = ""

    @property
    def url(self) -> str:
        """The address of the page; empty where there is none."""
        address = _address(self.view, ()) if self.view else ""
        return f"{address}?{urlencode(self.query)}" if address and self.query else address


def page(label: str, view: str, **query: object) -> Remedy:
    """Return the remedy that is a page, reached by the name of its URL."""
    return Remedy(label, view=view, query=tuple((key, str(value)) for key, value in query.items()))


def variable(name: str) -> Remedy:
    """Return the remedy that is a variable of the environment."""
    return Remedy("Set in the environment", variable=name)


def command(text: str, label: str = "Run") -> Remedy:
    """Return the remedy that is a command."""
    return Remedy(label, command=text)


@dataclass(frozen=True, slots=True)
class Listing:
    """How many things were found, and the first of them."""

    total: int
    examples: tuple[Example, ...]


NOTHING = Listing(0, ())


def listed(rows: QuerySet[Any], view: str, *, name: str, args: Sequence[str] = ("pk",)) -> Listing:
    """Return how many `rows` there are and the first EXAMPLES_MAX of them. One query.

    `name` and `args` are the fields that hold the words of an example and the arguments of `view`.
    """
    counted = rows.annotate(posture_total=Window(Count("*")))
    found = list(counted.values_list("posture_total", name, *args)[:EXAMPLES_MAX])
    total = found[0][0] if found else 0
    return Listing(total, tuple(Example(str(word), view, tuple(key)) for _, word, *key in found))


def listing_of(examples: Iterable[Example]) -> Listing:
    """Return the listing of things that have been found already."""
    found = tuple(examples)
    return Listing(len(found), found[:EXAMPLES_MAX])


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: one sentence with numbers and without secrets.

    `state` is None where the check failed as severely as it says it does.
    """

    reason: str
    state: State | None
    found: Listing = NOTHING
    remedy: Remedy | None = None


def good(reason: str) -> Finding:
    """Return that all is well."""
    return Finding(reason, State.GOOD)


def unknown(reason: str, remedy: Remedy | None = None) -> Finding:
    """Return that it could not be found out."""
    return Finding(reason, State.UNKNOWN, remedy=remedy)


def failed(
    reason: str,
    remedy: Remedy | None = None,
    *,
    found: Listing = NOTHING,
    state: State | None = None,
) -> Finding:
    """Return that something is wrong; `state` where it is not as severe as the check says."""
    return Finding(reason, state, found, remedy)


def words(count: int, one: str, many: str) -> str:
    """Return the sentence for `count` things; `{}` in `many` stands for the number."""
    return one if count == 1 else many.format(f"{count:,}")


@dataclass(frozen=True, slots=True)
class Check:
    """A question about the installation. `severity` is the state it has when it fails."""

    slug: str
    title: str
    area: Area
    severity: State
    find: Callable[[], Finding]


_checks: dict[str, Check] = {}


def check(
    slug: str, title: str, area: Area, severity: State
) -> Callable[[Callable[[], Finding]], Callable[[], Finding]]:
    """Declare the decorated function as a check. Raises ImproperlyConfigured for a slug in use."""

    def declare(find: Callable[[], Finding]) -> Callable[[], Finding]:
        if slug in _checks:
            raise ImproperlyConfigured(f"There are two posture checks with the slug “{slug}”.")
        _checks[slug] = Check(slug, title, area, severity, find)
        return find

    return declare


def checks() -> list[Check]:
    """Return all checks in the order of their declaration."""
    return list(_checks.values())


@dataclass(frozen=True, slots=True)
class Result:
    """A check with what it found."""

    check: Check
    finding: Finding

    @property
    def state(self) -> State:
        """How it came out."""
        return self.finding.state or self.check.severity

    @property
    def more(self) -> str:
        """In words how many things were found besides the examples; empty where none."""
        rest = self.finding.found.total - len(self.finding.found.examples)
        return f"and {rest:,} more" if rest else ""


@dataclass(frozen=True, slots=True)
class AreaReport:
    """The results of one area, worst first."""

    area: Area
    results: list[Result]

    @property
    def open(self) -> list[Result]:
        """What is not good."""
        return [result for result in self.results if result.state is not State.GOOD]

    @property
    def good(self) -> list[Result]:
        """What is."""
        return [result for result in self.results if result.state is State.GOOD]


@dataclass(frozen=True)
class Report:
    """The posture of the installation as it is now."""

    results: list[Result]

    @property
    def state(self) -> State:
        """The worst of all states."""
        states = (result.state for result in self.results)
        return min(states, key=lambda state: state.rank, default=State.GOOD)

    @cached_property
    def counts(self) -> dict[State, int]:
        """How many checks came out how, worst first."""
        states = [result.state for result in self.results]
        return {state: states.count(state) for state in State}

    @property
    def sentence(self) -> str:
        """The whole in a calm sentence."""
        counts = self.counts
        parts = [
            words(counts[State.CRITICAL], "1 thing needs", "{} things need") + " attention now",
            words(counts[State.WARNING], "1 thing", "{} things") + " should be looked at soon",
            words(counts[State.UNKNOWN], "1 check", "{} checks") + " could not be made",
        ]
        severe = (State.CRITICAL, State.WARNING, State.UNKNOWN)
        told = [part for state, part in zip(severe, parts, strict=True) if counts[state]]
        if told:
            beginning = "" if counts[State.CRITICAL] else "Nothing is urgent: "
            return f"{beginning}{_joined(told)}."
        if counts[State.ADVICE]:
            return f"Nothing is wrong; there is advice on {counts[State.ADVICE]} of the checks."
        return f"All is well: {words(len(self.results), '1 check', 'all {} checks')} passed."

    @cached_property
    def ordered(self) -> list[Result]:
        """The results, worst first."""
        return sorted(self.results, key=lambda result: result.state.rank)

    @cached_property
    def areas(self) -> list[AreaReport]:
        """The areas that have checks, that with the worst result first."""
        groups = [
            AreaReport(area, [result for result in self.ordered if result.check.area is area])
            for area in Area
        ]
        return sorted(
            (group for group in groups if group.results),
            key=lambda group: group.results[0].state.rank,
        )


def run(wanted: Iterable[Check] | None = None) -> Report:
    """Make the checks (all unless told which) and return what they found.

    A check that raises is unknown, is logged, and keeps none of the others from being made.
    """
    return Report([Result(one, _find(one)) for one in (checks() if wanted is None else wanted)])


def _find(one: Check) -> Finding:
    try:
        with _apart():
            return one.find()
    except (Exception, ConfigurationError) as error:
        logger.exception("The posture check %s failed: %s.", one.slug, type(error).__name__)
        return unknown(NOT_MADE)


def _apart() -> AbstractContextManager[Any]:
    """Keep a statement that fails from spoiling a transaction that other checks share."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def is_this_machine(host: str) -> bool:
    """Tell whether `host` is a socket's folder, empty, or a loopback name or address."""
    name = host.strip("[]").rstrip(".").lower()
    if not name or name.startswith("/") or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (inner or address).is_loopback
