"""Team admins read what was done in their teams, where the platform allows it, and no more."""

import pytest

from audit.models import Entry
from audit.sections import AuditSection
from projects.services import update_project
from restai_site.lib import configuration
from restai_site.tests.world import SYSTEM, acting, make_key
from teams.services import add_member, rename_team


@pytest.fixture
def allowed():
    with configuration.overridden(AuditSection, team_admins_read=True):
        yield


def ids(browser, query=""):
    return [row["id"] for row in browser.get(f"/api/audit{query}").json()["results"]]


def test_nobody_does_unless_it_is_allowed(world, as_user):
    browser = as_user(world.team_admin)
    for path in ("/audit", "/api/audit", "/api/audit.csv", "/api/audit.jsonl"):
        assert browser.get(path).status_code == 403, path
    assert not Entry.objects.visible_to(acting(world.team_admin)).exists()
    assert 'href="/audit"' not in browser.get("/projects").content.decode()


def test_they_see_their_team_alone(world, as_user, allowed):
    rename_team(world.beta, name="Of others", actor=SYSTEM)
    update_project(world.project, {"name": "Of ours"}, actor=acting(world.team_admin))
    browser = as_user(world.team_admin)
    seen = ids(browser, "?page_size=200")
    assert seen == list(
        Entry.objects.acts()
        .filter(team_id=world.alpha.pk)
        .order_by("-pk")
        .values_list("pk", flat=1)
    )
    theirs = Entry.objects.filter(team_id=world.beta.pk).latest("pk").pk
    for path in (f"/audit/{theirs}", f"/api/audit/{theirs}"):
        assert browser.get(path).status_code == 404
    assert ids(browser, f"?team={world.beta.pk}") == []
    # Requests are nobody's team's, also those of their own people.
    assert ids(browser, "?kind=requests") == []
    page = browser.get("/audit").content.decode()
    assert "Of ours" in page
    for text in ("Of others", "Verify now", "Sealed up to seal"):
        assert text not in page
    assert browser.post("/audit/verify").status_code == 403
    assert 'href="/audit"' in browser.get("/projects").content.decode()


def test_members_viewers_and_admins_of_other_teams_see_nothing(world, as_user, allowed):
    for name in ("member", "viewer", "editor"):
        assert as_user(getattr(world, name)).get("/audit").status_code == 403, name
    outsider = as_user(world.outsider_admin)
    assert ids(outsider, f"?team={world.alpha.pk}") == []
    mine = Entry.objects.filter(team_id=world.alpha.pk).latest("pk").pk
    assert outsider.get(f"/audit/{mine}").status_code == 404


def test_of_several_teams_they_see_each(world, as_user, allowed):
    add_member(world.beta, world.team_admin, role="admin", actor=SYSTEM)
    seen = set(ids(as_user(world.team_admin), "?page_size=200"))
    teams = [world.alpha.pk, world.beta.pk]
    assert seen == set(Entry.objects.acts().filter(team_id__in=teams).values_list("pk", flat=True))


def test_a_narrowed_key_reads_no_further_than_it_reaches(world, api, allowed):
    key = make_key(world.team_admin, project_ids=[world.project.pk])[1]
    assert api.with_key(key).get("/api/audit").status_code == 403
    key = make_key(world.team_admin, team_id=world.alpha.pk)[1]
    assert ids(api.with_key(key)) != []
    # The narrowed key of an administrator has no platform role.
    key = make_key(world.platform_admin, team_id=world.alpha.pk)[1]
    shown = {
        row["team_id"] for row in api.with_key(key).get("/api/audit").json().get("results", [])
    }
    assert shown <= {world.alpha.pk}
