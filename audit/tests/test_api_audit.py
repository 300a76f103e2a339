"""/api/audit: for platform administrators, a page at the same cost however deep."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Entry
from restai_site.tests.world import SYSTEM
from teams.services import create_team


def test_the_newest_entry_comes_first_and_pages_join_without_gaps(world, as_user):
    browser = as_user(world.platform_admin)
    there = list(Entry.objects.order_by("-id").values_list("id", flat=True))
    seen, path = [], "/api/audit?page_size=7"
    while path:
        page = browser.get(path).json()
        seen += [entry["id"] for entry in page["results"]]
        path = page["next"]
    assert seen == there


@pytest.mark.parametrize("name", ["team_admin", "outsider_admin", "viewer"])
def test_nobody_else_sees_any_of_it(world, as_user, name):
    browser = as_user(getattr(world, name))
    entry = Entry.objects.acts().latest("id")
    for path in ("/api/audit", f"/api/audit/{entry.pk}", f"/api/audit?team={world.alpha.pk}"):
        assert browser.get(path).status_code == 403


def test_filters_narrow_and_nonsense_is_refused(world, as_user):
    browser = as_user(world.platform_admin)
    found = browser.get(f"/api/audit?action=team.create&team={world.beta.pk}").json()["results"]
    assert [entry["target_name"] for entry in found] == ["Beta"]
    assert browser.get(f"/api/audit?team={2**70}").json()["results"] == []
    for query in ("team=x", "actor=1.5", "since=yesterday", "action=%00"):
        assert browser.get(f"/api/audit?{query}").status_code == 400, query


def test_a_page_costs_the_same_however_many_entries_there_are(world, as_user):
    browser = as_user(world.platform_admin)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            browser.get("/api/audit?page_size=200")
        counts.append(len(queries))
        for number in range(30):
            create_team(name=f"T{number}", actor=SYSTEM)
    # Who asks, the page, and that it was read: with the bounds of its transaction.
    assert counts[0] == counts[1] == 2 + 3
