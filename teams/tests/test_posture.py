"""What the security posture finds about teams."""

from restai_site.tests.posture import names, outcome, told
from teams.models import Membership


def test_teams_without_an_active_admin_are_named(world):
    Membership.objects.filter(team=world.alpha, role="admin").update(role="member")
    world.outsider_admin.is_active = False
    world.outsider_admin.save(update_fields=["is_active"])
    result = outcome("teams-without-admin")
    assert told(result) == (
        "warning",
        "2 teams have no active admin: nobody in them decides who belongs to them.",
    )
    assert names(result) == ["Alpha", "Beta"]
    assert result.finding.found.examples[0].url == f"/teams/{world.alpha.pk}"


def test_teams_with_an_admin_are_well(world):
    assert told(outcome("teams-without-admin")) == ("good", "Every team has an active admin.")
