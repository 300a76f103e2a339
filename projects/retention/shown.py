"""How retention stands, for the page and the API."""

from dataclasses import dataclass
from datetime import datetime

from projects.retention.kinds import Kind, kinds
from projects.retention.models import RetentionRule, RetentionRun


@dataclass(frozen=True, slots=True)
class Standing:
    """A kind of data: how long it is kept, and when it was and will be looked at."""

    kind: Kind
    last: RetentionRun | None
    stricter: int

    @property
    def is_kept_for_ever(self) -> bool:
        """Whether nothing of it is ever removed by the clock."""
        return not self.kind.days and not self.stricter

    @property
    def next_at(self) -> datetime | None:
        """When it is looked at again; None: as soon as the worker comes to it, or never."""
        return self.last.next_at if self.last and not self.is_kept_for_ever else None


def standings() -> list[Standing]:
    """Return how each kind stands. Two queries for all of them."""
    newest = RetentionRun.objects.order_by("kind", "-pk").distinct("kind")
    last = {run.kind: run for run in newest}
    rules: dict[str, int] = {}
    for kind in RetentionRule.objects.values_list("kind", flat=True):
        rules[kind] = rules.get(kind, 0) + 1
    return [Standing(kind, last.get(kind.slug), rules.get(kind.slug, 0)) for kind in kinds()]
