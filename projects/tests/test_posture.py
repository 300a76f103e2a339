"""What the security posture finds about projects and their use."""

from projects.models import Project
from restai_site.tests.posture import names, outcome, told


def test_projects_that_are_open_to_their_team_are_named(world):
    result = outcome("projects-open")
    assert told(result) == ("advice", "One project can be used by everybody in its team.")
    assert names(result) == ["Shared"]
    assert result.finding.found.examples[0].url == f"/projects/{world.shared_project.pk}/access"


def test_projects_for_their_members_are_well(world):
    Project.objects.update(visibility="members")
    assert told(outcome("projects-open")) == (
        "good",
        "Every project is for the people who were added to it.",
    )
