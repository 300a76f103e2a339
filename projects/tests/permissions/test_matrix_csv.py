"""GET /permissions/matrix.csv: the matrix as a file, streamed."""

import csv
import io
from random import Random

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import Entry
from projects.models import Project
from projects.permissions import export
from projects.permissions.effective import LEVELS
from projects.permissions.export import PORTION_USERS, read_portion
from projects.permissions.scope import Filters
from projects.tests.permissions.people import OF_BETA, make_both
from projects.tests.permissions.worlds import person, project_in, random_world, team_of
from restai_site.lib.errors import Forbidden
from restai_site.tests.clients import WriteLog, start_session
from restai_site.tests.world import acting, make_key
from teams.models import Membership

pytestmark = pytest.mark.django_db
PATH = "/permissions/matrix.csv"


def download(user, query="", *, meanwhile=None):
    """Return the answer and its parts, read in one event loop as a server does.

    `meanwhile` is done once the first part has come.
    """

    async def run():
        from asgiref.sync import sync_to_async

        browser = AsyncClient()
        browser.cookies[settings.SESSION_COOKIE_NAME] = cookie
        answer = await browser.get(f"{PATH}{query}")
        if not answer.streaming:
            return answer, [answer.content.decode()]
        parts = []
        async for part in answer.streaming_content:
            parts.append(part.decode())
            if meanwhile and len(parts) == 1:
                await sync_to_async(meanwhile)()
        return answer, parts

    cookie = start_session(user)
    log = WriteLog()
    with connection.execute_wrapper(log):
        found = async_to_sync(run)()
    log.check({"REQUEST_METHOD": "GET", "PATH_INFO": PATH}, found[0].status_code)
    return found


def rows(user, query=""):
    answer, parts = download(user, query)
    assert answer.status_code == 200, parts
    return list(csv.DictReader(io.StringIO("".join(parts), newline="")))


def by_pair(found):
    return sorted((row["email"], int(row["project_id"]), row["access"]) for row in found)


def test_it_is_a_file_with_a_row_for_each_user_and_project(world):
    make_key(world.editor)
    answer, parts = download(world.platform_admin)
    assert answer["Content-Type"].startswith("text/csv")
    assert answer["Content-Disposition"] == 'attachment; filename="permissions.csv"'
    assert answer["Cache-Control"] == "no-store"
    found = list(csv.DictReader(io.StringIO("".join(parts), newline="")))
    assert len(found) == 11
    (row,) = [
        one for one in found if (one["email"], one["access"]) == ("editor@example.org", "edit")
    ]
    assert row == {
        "user_id": str(world.editor.pk),
        "email": "editor@example.org",
        "name": "Editor",
        "is_platform_admin": "no",
        "is_restricted": "no",
        "is_active": "yes",
        "team_id": str(world.alpha.pk),
        "team": "Alpha",
        "project_id": str(world.project.pk),
        "project": "Private",
        "access": "edit",
        "held": "edit",
        "reasons": "assigned_editor",
    }


@pytest.mark.parametrize("seed", range(5))
def test_with_any_filter_it_lists_the_pairs_that_the_matrix_lists(llm, as_user, seed):
    _, teams, projects = random_world(Random(seed), llm)  # noqa: S311
    reader = person("reader", is_platform_admin=True)
    queries = [
        "",
        *(f"?access={word}" for word in LEVELS),
        *(f"?flag={word}" for word in ("admin", "restricted", "suspended")),
        *(f"?team={team.pk}&access=use" for team in teams),
        *(f"?project={project.pk}" for project in projects[:2]),
        f"?user={reader.pk}",
        "?q=u1",
    ]
    for query in queries:
        matrix = as_user(reader).get(f"/permissions/matrix{query or '?'}&page_size=200").json()
        listed = [
            (row["user"]["email"], one["id"], one["access"])
            for row in matrix["results"]
            for one in row["projects"]
        ]
        assert by_pair(rows(reader, query)) == sorted(listed), query


def test_a_team_admin_gets_their_teams_alone(world):
    make_both(world)
    _, parts = download(world.team_admin)
    text = "".join(parts)
    assert not [word for word in OF_BETA if word in text]
    assert {row["team"] for row in rows(world.team_admin)} == {"Alpha"}
    assert rows(world.team_admin, f"?team={world.beta.pk}") == []
    assert rows(world.team_admin, f"?user={world.outsider.pk}") == []


@pytest.mark.parametrize("role", ["viewer", "editor", "member", "outsider"])
def test_whoever_runs_no_team_is_refused_in_problem_details(world, role):
    answer, _ = download(getattr(world, role))
    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
    assert not Entry.objects.filter(action="permissions.export").exists()


def test_without_a_credential_it_is_401_and_nonsense_is_400(world, client):
    assert client.get(PATH).status_code == 401
    assert download(world.platform_admin, "?team=x")[0].status_code == 400
    assert client.post(PATH).status_code in {401, 403, 405}


def test_a_narrowed_key_is_refused_and_another_gets_the_file(world, client):
    _, narrowed = make_key(world.platform_admin, team_id=world.alpha.pk)
    _, whole = make_key(world.platform_admin, scope="read")
    for key, status in ((narrowed, 403), (whole, 200)):
        headers = {"Authorization": f"Bearer {key}"}
        assert client.get(PATH, headers=headers).status_code == status


def test_no_cell_begins_a_formula(world):
    Project.objects.filter(pk=world.project.pk).update(name='=HYPERLINK("//evil")')
    User.objects.filter(pk=world.editor.pk).update(name="@SUM(A1)")
    type(world.alpha).objects.filter(pk=world.alpha.pk).update(name="+1")
    for row in rows(world.platform_admin):
        assert not [cell for cell in row.values() if cell[:1] in tuple("=+-@\t\r")]
    assert "'=HYPERLINK" in "".join(download(world.platform_admin)[1])


def test_it_is_recorded_once_with_what_was_asked(world):
    rows(world.team_admin, f"?team={world.alpha.pk}&access=use")
    (entry,) = Entry.objects.filter(action="permissions.export")
    assert entry.changes == {"team": world.alpha.pk, "access": "use"}
    assert entry.actor_id == world.team_admin.pk


# --- Portions


def many_users(count):
    User.objects.bulk_create(
        User(email=f"many{number}@example.org", password="!") for number in range(count)
    )


def test_more_users_than_a_portion_come_in_several_parts_each_once(world):
    many_users(PORTION_USERS + 5)
    team = team_of("everybody")
    project_in(team, world.llm, "open", "team")
    Membership.objects.bulk_create(
        Membership(team=team, user=user) for user in User.objects.exclude(is_platform_admin=True)
    )
    _, parts = download(world.platform_admin, f"?team={team.pk}")
    assert len(parts) == 3  # the head, and two portions
    found = list(csv.DictReader(io.StringIO("".join(parts), newline="")))
    assert sorted(row["user_id"] for row in found) == sorted(
        str(pk) for pk in User.objects.values_list("pk", flat=True)
    )


@pytest.fixture
def few(monkeypatch):
    """Return how many rows a portion may have: a tenth, whose making takes no minute.

    So many that it is not the number of users that ends a portion.
    """
    monkeypatch.setattr(export, "PORTION_ROWS", 2_000)
    return export.PORTION_ROWS


def test_a_portion_is_bounded_however_many_projects_there_are(world, few):
    """Were all users to reach all projects, a portion would have PORTION_ROWS rows at most."""
    team = team_of("large")
    Project.objects.bulk_create(
        Project(team=team, llm=world.llm, name=f"p{number}") for number in range(100)
    )
    many_users(60)
    User.objects.update(is_platform_admin=True)
    actor, last, sizes = acting(world.platform_admin), 0, []
    while (portion := read_portion(actor, Filters(), after=last)).last is not None:
        last = portion.last
        sizes.append(portion.text.count("\n"))
    assert sum(sizes) == User.objects.count() * Project.objects.count()
    assert max(sizes) <= few
    assert len(sizes) > 1


def test_somebody_with_more_rows_than_a_portion_comes_whole(world, few):
    team = team_of("large")
    Project.objects.bulk_create(
        Project(team=team, llm=world.llm, name=f"p{number}") for number in range(few)
    )
    text = read_portion(acting(world.platform_admin), Filters(q="platform-admin"), after=0).text
    assert text.count("\n") == Project.objects.count() > few


def test_the_queries_of_a_portion_do_not_grow_with_the_rows(world):
    actor, numbers = acting(world.platform_admin), set()
    for count in (0, 200):
        many_users(count)
        with CaptureQueriesContext(connection) as captured:
            read_portion(actor, Filters(), after=0)
        numbers.add(len(captured))
    assert len(numbers) == 1
    assert max(numbers) <= 6


# --- Rights that end meanwhile


def test_the_file_breaks_off_where_the_role_is_lost_meanwhile(world):
    def demote():
        User.objects.filter(pk=world.platform_admin.pk).update(is_platform_admin=False)

    with pytest.raises(Forbidden):
        download(world.platform_admin, meanwhile=demote)


def test_a_team_admin_gets_no_more_of_a_team_that_they_stop_running(world):
    def demote():
        Membership.objects.filter(user=world.team_admin).update(role="member")

    with pytest.raises(Forbidden):
        download(world.team_admin, meanwhile=demote)


def test_each_portion_asks_again_which_teams_are_run(world):
    Membership.objects.create(team=world.beta, user=world.team_admin, role="admin")
    actor = acting(world.team_admin)
    assert "Beta" in read_portion(actor, Filters(), after=0).text
    Membership.objects.filter(team=world.beta, user=world.team_admin).update(role="member")
    text = read_portion(actor, Filters(), after=0).text
    assert "Alpha" in text
    assert "Beta" not in text


def test_a_suspended_administrator_gets_no_further_portion(world):
    actor = acting(world.platform_admin)
    User.objects.filter(pk=world.platform_admin.pk).update(is_active=False)
    with pytest.raises(Forbidden):
        read_portion(actor, Filters(), after=0)
