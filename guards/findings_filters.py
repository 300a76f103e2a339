"""What a list of findings is narrowed by, and what there is to choose from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from guards.areas import Area
from guards.detectors import detectors
from guards.engine import label_of
from guards.filters import Filters
from guards.models import GuardBinding, GuardEvent
from guards.models.events import FOUND
from guards.periods import ZonedPeriod
from guards.querysets import GuardEventQuerySet
from metering.spans import DEFAULT_PERIOD, periods
from restai_site.lib.actor import Actor

ANY, ALL_TIME = "any", "all"
# Blocks are what people come for.
DEFAULT_OUTCOME = GuardEvent.Outcome.BLOCKED.value
CATEGORIES_OFFERED = 100
Choices = list[tuple[str, str]]
OUTCOMES: Choices = [
    *((value, label) for value, label in GuardEvent.Outcome.choices if value != "passed"),
    ("passed", "Passed"),
    (ANY, "Any outcome"),
]
REVIEWS: Choices = [
    ("", "Any review"),
    ("none", "Not reviewed"),
    ("any", "Reviewed"),
    ("right", "Reviewed as right"),
    ("wrong", "Reviewed as wrong"),
]


@dataclass(frozen=True)
class FindingsFilters:
    """The filters of a list: those of findings, and a period.

    Without an outcome in the address blocks are listed; `any` lists all. The period `all` has no
    beginning.
    """

    filters: Filters
    outcome: str
    period: str
    zone: str

    @classmethod
    def of(cls, values: Mapping[str, Any], zone: str, **fixed: int | None) -> "FindingsFilters":
        """Read an address; what makes no sense there is left out. `fixed` comes from its path."""
        outcome = values.get("outcome", DEFAULT_OUTCOME)
        if outcome not in {ANY, *GuardEvent.Outcome.values}:
            outcome = DEFAULT_OUTCOME
        period = values.get("period", DEFAULT_PERIOD)
        if period not in {ALL_TIME, *(one.key for one in periods())}:
            period = DEFAULT_PERIOD
        asked = {**values, "outcome": outcome}
        return cls(Filters.of(asked, **fixed), outcome, period, zone)

    def rows(self, actor: Actor) -> GuardEventQuerySet:
        """Return what the actor may see of them."""
        return self.within(self.filters.rows(actor))

    def within(self, rows: GuardEventQuerySet) -> GuardEventQuerySet:
        """Return those of `rows` that are of the period."""
        if self.period == ALL_TIME:
            return rows
        starts: GuardEventQuerySet = rows.filter(
            created_at__gte=ZonedPeriod.of(self.period, self.zone).starts
        )
        return starts

    @property
    def query(self) -> str:
        """The same, as the file of the list takes them."""
        return urlencode({**self.filters.given, "outcome": self.outcome, "period": self.period})

    @property
    def are_usual(self) -> bool:
        """Whether these are what a list begins with."""
        given = self.filters.given.keys() - {"team", "project", "outcome"}
        return not given and self.outcome == DEFAULT_OUTCOME


@dataclass(frozen=True, slots=True)
class Choice:
    """A select of the page: `name` stands in the address, `value` is what is chosen."""

    name: str
    label: str
    options: Choices
    value: str


def choices_of(actor: Actor, area: Area, filters: FindingsFilters) -> list[Choice]:
    """Return the selects above a list. Three queries at most."""
    given = filters.filters
    stages = [("", "Any stage"), *GuardEvent.Stage.choices]
    times = [*((one.key, f"Last {one.label}") for one in periods()), (ALL_TIME, "Any time")]
    return [
        Choice("outcome", "Outcome", OUTCOMES, filters.outcome),
        _guards(actor, area, given),
        Choice("stage", "Stage", stages, given.stage or ""),
        Choice("category", "Category", _categories(actor, filters), given.category or ""),
        Choice("review", "Review", REVIEWS, given.review or ""),
        Choice("period", "Period", times, filters.period),
    ]


def _guards(actor: Actor, area: Area, given: Filters) -> Choice:
    """Return the guards of a project by where they stand, of many projects by detector."""
    everything = ("", "All guards")
    project = area.project
    if project is None:
        options = [everything, *((one.slug, one.title) for one in detectors())]
        return Choice("detector", "Guard", options, given.detector or "")
    bindings = GuardBinding.objects.visible_to(actor).applying_to(project.pk, project.team_id)
    options = [everything, *((str(one.pk), one.name) for one in bindings)]
    return Choice("binding", "Guard", options, str(given.binding or ""))


def _categories(actor: Actor, filters: FindingsFilters) -> Choices:
    given = filters.filters
    area = Filters(team=given.team, project=given.project)
    found = filters.within(area.rows(actor)).filter(FOUND).exclude(category="")
    seen = set(found.order_by().values_list("category", flat=True).distinct()[:CATEGORIES_OFFERED])
    # A filter that is in force stays on offer, whatever the period.
    seen |= {given.category} if given.category else set()
    options = sorted(((one, label_of(one)) for one in seen), key=lambda option: option[1].lower())
    return [("", "All categories"), *options]
