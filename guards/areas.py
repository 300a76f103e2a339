"""Whose guards a page of figures or findings is about: a project's, a team's or everybody's."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from accounts.access import SignedInRequest
from guards.filters import Filters
from guards.periods import COMMON_ZONE
from projects.models import Project
from projects.views import for_editors
from restai_site.ui.tables import tab
from teams.views import for_editors as for_team_admins

FIGURES, FINDINGS = "figures", "findings"


@dataclass(frozen=True)
class Area:
    """What a page is narrowed to by its path alone: `fixed` holds for the address as well.

    `context` is what its template needs for the head.
    """

    kind: str
    base: str
    zone: str
    fixed: dict[str, int | None]
    figures_url: str
    findings_url: str
    context: dict[str, Any]

    @property
    def project(self) -> Project | None:
        return self.context.get("project")

    def filters(self, request: SignedInRequest) -> Filters:
        """Return the filters of the address, within this area."""
        return Filters.of(request.GET.dict(), **self.fixed)

    def shared(self, current: str) -> dict[str, Any]:
        """Return the context of one of its pages."""
        pages = [
            (FIGURES, "Figures", self.figures_url),
            (FINDINGS, "Findings", self.findings_url),
        ]
        sections = [tab(label, url, is_current=key == current) for key, label, url in pages]
        return {**self.context, "area": self, "sections": sections}


def project_area(request: SignedInRequest, project_id: int) -> Area:
    """Return the area of a project, for its editors. Raises Http404, Forbidden."""
    context = for_editors(request, project_id, "guards")
    return Area(
        kind="project",
        base="projects/project.html",
        zone=context["project"].team.time_zone,
        fixed={"project": project_id, "team": None},
        figures_url=reverse("guards:project_analytics", args=[project_id]),
        findings_url=reverse("guards:project_events", args=[project_id]),
        context=context,
    )


def team_area(request: SignedInRequest, team_id: int) -> Area:
    """Return the area of a team, for its admins. Raises Http404, Forbidden."""
    context = for_team_admins(request, team_id, "guards")
    return Area(
        kind="team",
        base="teams/team.html",
        zone=context["team"].time_zone,
        fixed={"team": team_id, "project": None},
        figures_url=reverse("guards:team_analytics", args=[team_id]),
        findings_url=reverse("guards:team_events", args=[team_id]),
        context=context,
    )


def platform_area() -> Area:
    """Return the area of everybody, for platform administrators."""
    return Area(
        kind="platform",
        base="guards/analytics_platform.html",
        zone=COMMON_ZONE,
        fixed={"team": None, "project": None},
        figures_url=reverse("guards:analytics"),
        findings_url=reverse("guards:events"),
        context={},
    )
