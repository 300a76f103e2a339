"""The time zone of a team: a name of the IANA database, set by the platform."""

import pytest

from audit.models import Entry
from restai_site.lib.errors import Forbidden, Invalid
from restai_site.tests.world import SYSTEM, acting
from teams import time_zones
from teams.models import Team
from teams.services import create_team, set_time_zone

WRONG = ["", "utc", "Berlin", "Europe/berlin", "Etc/GMT+5", "localtime", "../../etc/passwd"]
WRONG += ["Europe/Berlin\n", "/usr/share/zoneinfo/UTC", "+01:00", "x" * 1000]


def test_each_name_is_known_to_the_clock():
    from zoneinfo import ZoneInfo

    for name in time_zones.known():
        assert ZoneInfo(name).key == name


def test_a_select_offers_each_name_once():
    utc, *parts = time_zones.choices()
    offered = [one[0] for _, places in parts for one in places]
    assert utc == ("UTC", "UTC")
    assert len(offered) == len(set(offered))
    assert {"UTC", *offered} == time_zones.known()


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_name_is_refused(world, as_user, name):
    with pytest.raises(Invalid):
        set_time_zone(world.alpha, time_zone=name, actor=SYSTEM)
    with pytest.raises(Invalid):
        create_team(name="x", time_zone=name, actor=SYSTEM)
    browser = as_user(world.platform_admin)
    path = f"/api/teams/{world.alpha.pk}"
    answer = browser.patch(path, {"time_zone": name}, content_type="application/json")
    # Space around a name is taken off there.
    assert answer.status_code == (200 if name.strip() in time_zones.known() else 400)
    page = browser.post(f"/teams/{world.alpha.pk}/settings", {"name": "Alpha", "time_zone": name})
    assert page.status_code == 400


def test_platform_administrators_alone_set_it_through_every_door(world, as_user):
    page, api = f"/teams/{world.alpha.pk}/settings", f"/api/teams/{world.alpha.pk}"
    berlin = {"name": "Alpha", "time_zone": "Europe/Berlin"}
    mine = as_user(world.team_admin)
    with pytest.raises(Forbidden):
        set_time_zone(world.alpha, time_zone="Europe/Berlin", actor=acting(world.team_admin))
    body = {**berlin, "name": "Renamed"}
    assert mine.patch(api, body, content_type="application/json").status_code == 403
    assert Team.objects.get(pk=world.alpha.pk).name == "Alpha"
    assert mine.post(page, {**berlin, "name": "Renamed"}).status_code == 302
    team = Team.objects.get(pk=world.alpha.pk)
    assert (team.name, team.time_zone) == ("Renamed", "UTC")
    theirs = as_user(world.platform_admin)
    assert theirs.post(page, berlin).status_code == 302
    assert Team.objects.get(pk=world.alpha.pk).time_zone == "Europe/Berlin"
    answer = theirs.patch(api, {"time_zone": "UTC"}, content_type="application/json")
    assert answer.json()["time_zone"] == "UTC"


def test_a_team_admin_who_sends_back_what_they_have_read_is_not_refused(world, as_user):
    path, browser = f"/api/teams/{world.alpha.pk}", as_user(world.team_admin)
    body = {**browser.get(path).json(), "name": "Renamed"}
    assert browser.patch(path, body, content_type="application/json").status_code == 200


def test_a_team_can_be_made_in_its_zone_and_the_trail_says_so(world, as_user):
    browser = as_user(world.platform_admin)
    body = {"name": "Gamma", "time_zone": "Asia/Tokyo"}
    answer = browser.post("/api/teams", body, content_type="application/json")
    assert answer.json()["time_zone"] == "Asia/Tokyo"
    assert Entry.objects.acts().latest("id").changes["time_zone"] == "Asia/Tokyo"
    team = Team.objects.get(name="Gamma")
    set_time_zone(team, time_zone="UTC", actor=SYSTEM)
    changes = Entry.objects.acts().latest("id").changes
    assert changes == {"time_zone": {"before": "Asia/Tokyo", "after": "UTC"}}


def test_a_zone_that_is_not_offered_any_more_does_not_stand_in_the_way(world, as_user):
    Team.objects.filter(pk=world.alpha.pk).update(time_zone="Etc/GMT+5")
    path = f"/teams/{world.alpha.pk}/settings"
    for user in (world.team_admin, world.platform_admin):
        sent = {"name": f"By {user.pk}", "time_zone": "Etc/GMT+5"}
        assert as_user(user).post(path, sent).status_code == 302
        team = Team.objects.get(pk=world.alpha.pk)
        assert (team.name, team.time_zone) == (f"By {user.pk}", "Etc/GMT+5")
