"""What the address narrows findings to."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.db.models import Q

from guards.models import GuardEvent
from guards.models.events import CATEGORY_MAX_LENGTH, DETECTOR_MAX_LENGTH
from guards.querysets import GuardEventQuerySet
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.requests import number_in
from teams.models import Team

IDS = ("team", "project", "guard", "binding")
CHOICES = {
    "stage": GuardEvent.Stage.values,
    "outcome": GuardEvent.Outcome.values,
    "review": ["none", "any", *GuardEvent.Review.values],
}
TEXTS = {"detector": DETECTOR_MAX_LENGTH, "category": CATEGORY_MAX_LENGTH}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which findings; None is everything.

    `guard` is the project that judged, `binding` the place where it stood, `detector` a slug.
    `review` is right, wrong, any or none.
    """

    team: int | None = None
    project: int | None = None
    guard: int | None = None
    binding: int | None = None
    detector: str | None = None
    stage: str | None = None
    outcome: str | None = None
    category: str | None = None
    review: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any], **fixed: int | None) -> "Filters":
        """Read an address; what makes no sense there is left out. `fixed` comes from its path."""
        found: dict[str, Any] = {name: number_in(str(values.get(name, ""))) for name in IDS}
        found |= {
            name: values.get(name) if values.get(name) in known else None
            for name, known in CHOICES.items()
        }
        found |= {
            name: str(values.get(name, "")).replace("\0", "")[:longest] or None
            for name, longest in TEXTS.items()
        }
        return cls(**{**found, **fixed})

    @property
    def given(self) -> dict[str, Any]:
        """The filters that narrow, by their names in the address."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def condition(self) -> Q:
        """What a row must be."""
        given = self.given
        review = given.pop("review", None)
        found = Q(**{f"{name}_id" if name in IDS else name: value for name, value in given.items()})
        if review in {"none", "any"}:
            unreviewed = Q(review="")
            return found & (unreviewed if review == "none" else ~unreviewed)
        return found & Q(review=review) if review else found

    def rows(self, actor: Actor) -> GuardEventQuerySet:
        """Return those of the rows that the actor may see."""
        rows: GuardEventQuerySet = GuardEvent.objects.visible_to(actor)
        return rows.filter(self.condition)

    def team_of(self, actor: Actor) -> Team | None:
        """Return the team whose findings alone these are, if the actor sees it. A query at most."""
        if self.project is not None:
            projects = Project.objects.visible_to(actor).select_related("team")
            project = projects.filter(pk=self.project).first()
            return project.team if project else None
        if self.team is not None:
            team: Team | None = Team.objects.visible_to(actor).filter(pk=self.team).first()
            return team
        return None
