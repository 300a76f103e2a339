"""The pages of the audit trail: for platform administrators, narrowed and paged by the address."""

import re
from urllib.parse import urlencode

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.chain.sealing import seal_waiting
from audit.models import GIVEN_UP_AFTER, Entry, Verification
from audit.services import record
from audit.tasks import verify
from audit.tests.chain.trail import sql
from projects.services import update_project
from restai_site.lib.actor import Actor
from restai_site.tests.world import SYSTEM
from restai_site.ui.slices import ROWS

ADA = Actor(
    user_id=4711,
    email="ada@example.org",
    ip="192.0.2.7",
    user_agent="<script>alert(1)</script>",
    request_id="request-1",
    impersonator_id=1,
    impersonator_email="root@example.org",
)

ADA_AS_ADMIN = Actor(
    user_id=None,
    email="ada@example.org",
    is_platform_admin=True,
    credential="system:test",
    ip="192.0.2.7",
    user_agent="<script>alert(1)</script>",
    request_id="request-1",
    impersonator_email="root@example.org",
)
# The trail tells how the cast came to be.
pytestmark = pytest.mark.usefixtures("world_by_services")


@pytest.fixture
def browser(world, as_user):
    return as_user(world.platform_admin)


def write(count=1, *, actor=ADA, action="user.update", **more):
    with transaction.atomic():
        return [record(actor, action, User, **more) for _ in range(count)]


def listed(browser, **filters):
    """Return the numbers of the entries on a page."""
    answer = browser.get(f"/audit?{urlencode(filters)}")
    assert answer.status_code == 200, filters
    return numbers(answer)


def numbers(answer):
    return [int(number) for number in re.findall(r'href="/audit/(\d+)"', answer.content.decode())]


@pytest.mark.parametrize("name", ["team_admin", "outsider_admin", "editor", "viewer"])
def test_nobody_else_opens_them(world, as_user, name):
    entry = Entry.objects.acts().latest("id")
    for path in ("/audit", f"/audit/{entry.pk}"):
        assert as_user(getattr(world, name)).get(path).status_code == 403


def test_the_newest_come_first(browser):
    written = [entry.pk for entry in write(3)]
    assert listed(browser)[:3] == written[::-1]


def test_pages_join_without_gaps_in_both_directions(browser):
    write(3 * ROWS)
    every = list(Entry.objects.order_by("-id").values_list("pk", flat=True))
    seen, path, pages = [], "/audit", 0
    while path:
        answer = browser.get(path)
        seen += numbers(answer)
        pages += 1
        last, path = path, link(answer, "next")
    assert (seen, pages >= 4) == (every, True)
    back, path = numbers(answer), link(answer, "prev")
    while path:
        answer = browser.get(path)
        back = numbers(answer) + back
        path = link(answer, "prev")
    # Each page that was read has left an entry since, which is newer than all of these.
    assert back[-len(every) :] == every
    assert last != "/audit"


def link(answer, rel):
    found = re.search(rf'rel="{rel}"\s+href="([^"]+)"', answer.content.decode())
    return "/audit" + found[1].replace("&amp;", "&") if found else None


@pytest.mark.parametrize(
    "filters",
    [
        {"actor_email": "ada@example.org"},
        {"actor": 4711},
        {"ip": "192.0.2.7"},
        {"request_id": "request-1"},
        {"action": "user.rename", "target_type": "accounts.user"},
        {"outcome": "refused"},
    ],
)
def test_each_filter_finds_its_rows_alone(browser, filters):
    mine = write(action="user.rename", status=403)[0].pk
    write(actor=SYSTEM)
    # A real server of an earlier test may have left entries of its own, of requests refused.
    assert [pk for pk in listed(browser, **filters) if pk >= mine] == [mine]


def test_filters_stay_while_one_turns_pages(browser):
    written = [entry.pk for entry in write(ROWS + 5)]
    write(actor=SYSTEM)
    first = browser.get("/audit?actor_email=ada@example.org")
    rest = browser.get(link(first, "next"))
    assert numbers(first) + numbers(rest) == written[::-1]


def test_times_are_from_and_before(browser):
    entry = write()[0]
    at = entry.created_at.isoformat()
    assert listed(browser, actor=4711, since=at) == [entry.pk]
    assert listed(browser, actor=4711, until=at) == []


@pytest.mark.parametrize(
    "query", ["team=x", "since=yesterday", "ip=nowhere", "outcome=maybe", "action=%00"]
)
def test_a_filter_that_makes_no_sense_is_told_and_finds_nothing(browser, query):
    answer = browser.get(f"/audit?{query}")
    assert (answer.status_code, numbers(answer)) == (400, [])
    assert 'role="alert"' in answer.content.decode()


@pytest.mark.parametrize(
    "query", ["before=x", "after=-1", "before=99999999999999999999", "before="]
)
def test_a_place_that_makes_no_sense_is_the_newest(browser, query):
    answer = browser.get(f"/audit?{query}")
    assert answer.status_code == 200


def test_an_entry_shows_its_differences_and_who_acted(browser, world):
    update_project(world.project, {"name": "Renamed"}, actor=ADA_AS_ADMIN)
    entry = Entry.objects.acts().latest("id")
    page = browser.get(f"/audit/{entry.pk}").content.decode()
    for text in ("project.update", "Private", "Renamed", "192.0.2.7", "ada@example.org"):
        assert text in page
    assert "root@example.org" in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_entries_of_one_request_lead_to_one_another(browser):
    first, second = write(2)
    write(actor=SYSTEM)
    page = browser.get(f"/audit/{first.pk}")
    assert numbers(page) == [second.pk]


def test_it_says_what_waits_for_a_seal(browser):
    entry = write()[0]
    assert "Waits for its seal" in browser.get(f"/audit/{entry.pk}").content.decode()
    seal_waiting()
    assert "Waits for its seal" not in browser.get(f"/audit/{entry.pk}").content.decode()
    assert "Sealed up to seal" in browser.get("/audit").content.decode()


def test_an_entry_outlives_its_target(browser, world):
    entry = Entry.objects.filter(target_type="projects.project").latest("id")
    world.shared_project.delete()
    assert browser.get(f"/audit/{entry.pk}").status_code == 200
    assert browser.get("/audit/999999999").status_code == 404


def test_a_page_asks_the_same_however_many_entries_there_are(browser):
    asked = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            browser.get("/audit?actor_email=ada@example.org")
        asked.append(len(captured))
        write(2 * ROWS)
    assert asked[0] == asked[1]


def test_the_side_leads_there(browser):
    assert 'href="/audit"' in browser.get("/").content.decode()


# --- Kinds, words, and the chain ------------------------------------------------------------------


def test_served_requests_are_left_out_unless_asked_for(browser, world):
    browser.post("/profile/theme", {"theme": "dark"})
    served = Entry.objects.filter(action="request.post").latest("pk").pk
    browser.post("/teams/999999/delete")
    refused = Entry.objects.filter(action="request.post").latest("pk").pk
    act = write()[0].pk
    seen = listed(browser)
    assert (served in seen, refused in seen, act in seen) == (False, True, True)
    seen = listed(browser, kind="all")
    assert (served in seen, refused in seen, act in seen) == (True, True, True)
    seen = listed(browser, kind="requests")
    assert (served in seen, refused in seen, act in seen) == (True, True, False)
    seen = listed(browser, kind="acts")
    assert (served in seen, refused in seen, act in seen) == (False, False, True)


def test_reading_the_trail_is_seen_in_it(browser):
    browser.get("/audit")
    reading = Entry.objects.filter(action="request.read").latest("pk").pk
    assert reading in listed(browser, kind="requests")
    assert reading not in listed(browser)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("Maria", True),
        ("maria curie", True),
        ('"Maria Skłodowska Curie"', True),
        ("Mari", False),
        ("Maria -Curie", False),
        ("nobody", False),
        ("'); DROP TABLE audit_entry; --", False),
    ],
)
def test_words_of_targets_and_changes_are_found(browser, words, found):
    mine = write(changes={"name": {"before": "x", "after": "Maria Skłodowska Curie"}})[0].pk
    assert (mine in listed(browser, text=words)) is found


def test_an_entry_with_very_many_words_is_written_and_found(browser):
    many = [f"word{number}" for number in range(200_000)]
    mine = write(changes={"first": "zebra", "words": many})[0].pk
    assert listed(browser, text="zebra") == [mine]


def test_a_status_is_found(browser):
    mine = write(status=418)[0].pk
    assert listed(browser, status=418) == [mine]
    assert browser.get("/audit?status=x").status_code == 400


@pytest.mark.django_db(transaction=True)
def test_the_chain_is_verified_at_the_press_of_a_button(transactional_db, browser):
    assert "Not verified yet" in browser.get("/audit").content.decode()
    assert browser.post("/audit/verify").status_code == 302
    page = browser.get("/audit").content.decode()
    assert "Verifying" in page
    assert 'data-hx-trigger="every 2s"' in page
    row = Verification.objects.get()
    Verification.objects.update(started_at=row.started_at - GIVEN_UP_AFTER)
    page = browser.get("/audit").content.decode()
    assert "Not finished" in page
    assert "every 2s" not in page
    verify(row.pk)
    page = browser.get("/audit").content.decode()
    assert "Chain holds" in page
    assert "every 2s" not in page
    first = Entry.objects.earliest("pk")
    sql("UPDATE audit_entry SET status = 201 WHERE id = %s", [first.pk])
    browser.post("/audit/verify")
    verify(Verification.objects.first().pk)
    page = browser.get("/audit").content.decode()
    assert "Chain broken" in page
    assert f'href="/audit/{first.pk}"' in page
