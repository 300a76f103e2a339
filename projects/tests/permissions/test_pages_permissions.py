"""The pages of permissions: the list, the grid, and what one person reaches."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Session, User
from audit.models import Entry
from projects.models import Project, ProjectMember
from projects.permissions.shown import COLUMNS
from projects.tests.permissions.people import OF_BETA, make_both
from projects.tests.permissions.worlds import person, project_in, team_of
from restai_site.frame import TEAMS_IN_MENU
from restai_site.tests.access.stage import MISSING
from restai_site.tests.world import make_key
from teams.models import Membership

pytestmark = pytest.mark.django_db
PATH = "/permissions"


def page(browser, path=PATH, status=200):
    answer = browser.get(path)
    assert answer.status_code == status, answer.content[:500]
    return answer


def text(answer):
    return " ".join(answer.content.decode().split())


# --- The doors


@pytest.mark.parametrize("role", ["viewer", "editor", "member", "outsider"])
def test_whoever_runs_no_team_is_refused(world, as_user, role):
    browser = as_user(getattr(world, role))
    assert "Who reaches what" in text(page(browser, status=403))
    # Not even their own: what is there is for those who decide on it.
    page(browser, f"{PATH}/users/{getattr(world, role).pk}", status=403)
    page(browser, f"{PATH}/users/{MISSING}", status=403)
    assert not Entry.objects.filter(action__startswith="permissions.").exists()


def test_strangers_sign_in_first_and_programs_are_refused(world, client, api):
    assert page(client, status=302)["Location"].startswith("/login")
    _, key = make_key(world.platform_admin)
    answer = api.with_key(key).get(PATH)
    assert answer.status_code == 403
    # A page of words, as the pages beside it, and not what programs read.
    assert answer["Content-Type"].startswith("text/html")


def test_the_way_there_is_shown_to_those_who_may_go_it(world, as_user):
    link, team = 'href="/permissions"', reverse("teams:members", args=[world.alpha.pk])
    of_team = f'href="/permissions?team={world.alpha.pk}"'
    admin = as_user(world.platform_admin)
    assert link in text(page(admin, "/projects"))
    account = text(page(admin, f"/users/{world.viewer.pk}"))
    assert f'href="/permissions/users/{world.viewer.pk}"' in account
    assert of_team in text(page(as_user(world.team_admin), team))
    viewer = as_user(world.viewer)
    assert link not in text(page(viewer, "/projects"))
    assert of_team not in text(page(viewer, team))


# --- The list and the grid


def test_the_list_counts_projects_by_level(world, as_user):
    lines = {
        line.user.pk: ([one.team.name for one in line.memberships], line.levels)
        for line in page(as_user(world.platform_admin)).context["people"]
    }
    assert lines[world.platform_admin.pk] == ([], [(4, 3)])
    assert lines[world.editor.pk] == (["Alpha"], [(3, 1), (2, 1)])
    assert lines[world.outsider.pk] == (["Beta"], [])


def test_the_grid_of_a_team_shows_each_person_and_project_with_the_reasons(world, as_user):
    answer = page(as_user(world.team_admin), f"{PATH}?team={world.alpha.pk}")
    grid = answer.context["grid"]
    assert [project.name for project in grid.columns] == ["Private", "Shared"]
    cells = {
        user.pk: [pair and (pair.level.word, pair.reason_words) for pair in row]
        for user, row in grid.lines
    }
    assert cells == {
        world.team_admin.pk: [
            ("manage", "Admin of the team"),
            ("manage", "Admin of the team, Open to the team"),
        ],
        world.editor.pk: [("edit", "Added as editor"), ("use", "Open to the team")],
        world.viewer.pk: [("use", "Added as viewer"), ("use", "Open to the team")],
        world.member.pk: [None, ("use", "Open to the team")],
    }
    assert "Added as editor" in text(answer)


def test_the_grid_agrees_with_the_matrix_whatever_the_filters(world, as_user):
    make_both(world)
    browser = as_user(world.platform_admin)
    for query in (f"team={world.beta.pk}", f"project={world.project.pk}", "team=1&access=none"):
        rows = browser.get(f"/permissions/matrix?{query}").json()["results"]
        told = {
            (row["user"]["id"], one["id"], one["access"]) for row in rows for one in row["projects"]
        }
        grid = page(browser, f"{PATH}?{query}").context["grid"]
        shown = {
            (pair.user_id, pair.project_id, pair.level.word)
            for _, cells in grid.lines
            for pair in cells
            if pair
        }
        assert shown == told
        assert [user.pk for user, _ in grid.lines] == [row["user"]["id"] for row in rows]


def test_many_projects_stand_on_several_pages_of_columns(world, as_user):
    Project.objects.bulk_create(
        Project(team=world.alpha, llm=world.llm, name=f"p{n:02}") for n in range(COLUMNS)
    )
    browser, seen = as_user(world.team_admin), []
    for columns in (1, 2):
        query = f"{PATH}?team={world.alpha.pk}&columns={columns}"
        seen += [project.pk for project in page(browser, query).context["grid"].columns]
    assert sorted(seen) == sorted(world.alpha.projects.values_list("pk", flat=True))


def test_filters_that_make_no_sense_are_left_out(world, as_user):
    browser = as_user(world.platform_admin)
    for query in ("team=x", "access=all", "flag=1", "page=x", "columns=x", "sort=password"):
        assert page(browser, f"{PATH}?{query}").context["table"].total == User.objects.count()


def test_the_file_has_the_filters_of_the_page(world, as_user):
    answer = text(page(as_user(world.team_admin), f"{PATH}?access=edit&q=e&page=1&sort=-email"))
    assert 'href="/permissions/matrix.csv?access=edit&amp;q=e"' in answer


def test_nobody_found_is_said(world, as_user):
    assert "Nobody found" in text(page(as_user(world.platform_admin), f"{PATH}?q=nobody-like-it"))
    assert "Nobody here" in text(page(as_user(world.platform_admin), f"{PATH}?flag=suspended"))


# --- One person


def test_what_a_person_reaches_is_shown_whole(world, as_user):
    make_both(world)
    key, _ = make_key(world.editor, "Nightly", project_ids=[world.project.pk], scope="chat")
    answer = page(as_user(world.platform_admin), f"{PATH}/users/{world.editor.pk}")
    shown = text(answer)
    for words in ("Alpha", "alpha-llm", "alpha-embedding", "Nightly", "Chat only", "1 project"):
        assert words in shown
    assert [(one.name, one.level.word, one.reasons) for one in answer.context["projects"]] == [
        ("Private", "edit", "Added as editor"),
        ("Shared", "use", "Open to the team"),
    ]
    through = page(as_user(world.platform_admin), f"{PATH}/users/{world.editor.pk}?key={key.pk}")
    assert [(one.name, one.level.word) for one in through.context["projects"]] == [
        ("Private", "use")
    ]


def test_nobody_becomes_anybody_by_looking(world, as_user):
    browser = as_user(world.platform_admin)
    before = set(Session.objects.values_list("pk", "user_id"))
    page(browser, f"{PATH}/users/{world.editor.pk}")
    assert set(Session.objects.values_list("pk", "user_id")) == before
    assert page(browser, "/api/me").json()["email"] == world.platform_admin.email


def test_of_somebody_in_both_teams_a_team_admin_sees_their_team_alone(world, as_user):
    both = make_both(world)
    browser = as_user(world.team_admin)
    mine = [both.keys[name].pk for name in ("anywhere", "alpha", "project", "mixed")]
    paths = [
        PATH,
        f"{PATH}?team={world.alpha.pk}",
        f"{PATH}?team={world.beta.pk}",
        f"{PATH}?project={world.other_project.pk}",
        f"{PATH}?user={both.user.pk}",
        f"{PATH}/users/{both.user.pk}",
        *(f"{PATH}/users/{both.user.pk}?key={key}" for key in mine),
    ]
    for path in paths:
        found = [word for word in OF_BETA if word in text(page(browser, path))]
        assert not found, f"{path}: {found}"
    for name in ("beta", "hidden"):
        page(browser, f"{PATH}/users/{both.user.pk}?key={both.keys[name].pk}", status=404)


def test_others_are_not_there_to_a_team_admin(world, as_user):
    browser = as_user(world.team_admin)
    for user_id in (world.outsider.pk, world.platform_admin.pk, MISSING):
        page(browser, f"{PATH}/users/{user_id}", status=404)
    page(as_user(world.outsider_admin), f"{PATH}/users/{world.editor.pk}", status=404)
    make_key(world.viewer)
    foreign, _ = make_key(world.outsider)
    for key in (foreign.pk, MISSING, "x"):
        page(browser, f"{PATH}/users/{world.viewer.pk}?key={key}", status=404)


def test_suspended_and_restricted_are_said(world, as_user):
    browser, path = as_user(world.team_admin), f"{PATH}/users/{world.editor.pk}"
    User.objects.filter(pk=world.editor.pk).update(is_restricted=True)
    answer = page(browser, path)
    assert "Restricted." in text(answer)
    assert {one.level.word for one in answer.context["projects"]} == {"use"}
    User.objects.filter(pk=world.editor.pk).update(is_active=False)
    answer = page(browser, path)
    assert "Suspended." in text(answer)
    assert {one.level.word for one in answer.context["projects"]} == {"none"}
    assert {one.reasons for one in answer.context["projects"]} == {
        "Added as editor",
        "Open to the team",
    }


def test_each_look_at_a_person_is_recorded_with_their_name(world, as_user):
    page(as_user(world.team_admin), f"{PATH}/users/{world.editor.pk}")
    (entry,) = Entry.objects.filter(action="permissions.read")
    assert (entry.target_type, entry.target_id) == ("accounts.user", str(world.editor.pk))
    assert entry.team_id == world.alpha.pk


# --- Queries


@pytest.mark.parametrize("path", [PATH, "grid", "person"])
@pytest.mark.parametrize("role", ["platform_admin", "team_admin"])
def test_the_number_of_queries_does_not_grow_with_the_rows(world, as_user, role, path):
    browser = as_user(getattr(world, role))
    paths = {
        "grid": f"{PATH}?team={world.alpha.pk}",
        "person": f"{PATH}/users/{world.editor.pk}",
    }
    numbers = []
    # Both times more teams than the switcher lists: the frame then looks up the chosen one.
    for count in (TEAMS_IN_MENU + 1, 40):
        for number in range(count):
            team = team_of(f"{count}-{number}")
            project = project_in(world.alpha, world.llm, f"{count} p{number}", "team")
            user = person(f"{count}-{number}", is_platform_admin=number % 3 == 0)
            Membership.objects.create(user=user, team=world.alpha, role="member")
            Membership.objects.create(user=world.editor, team=team, role="admin")
            ProjectMember.objects.create(user=world.editor, project=project, role="editor")
            make_key(world.editor, project_ids=[project.pk])
            make_key(world.editor, team_id=world.alpha.pk)
        with CaptureQueriesContext(connection) as captured:
            page(browser, paths.get(path, path))
        numbers.append(len(captured))
    assert numbers[0] == numbers[1]
    assert numbers[0] <= {PATH: 13, "grid": 14}.get(path, 17)
