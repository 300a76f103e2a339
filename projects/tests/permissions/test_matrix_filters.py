"""Filters, pages, and the number of queries of GET /permissions/matrix."""

from itertools import product
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from projects.models import Project, ProjectMember
from projects.permissions.effective import LEVELS
from projects.tests.permissions.worlds import person, project_in, random_world, team_of
from restai_site.tests.access.stage import MISSING
from restai_site.tests.world import make_key
from teams.models import Membership

pytestmark = pytest.mark.django_db
PATH = "/permissions/matrix"


def asked(browser, **query):
    answer = browser.get(PATH, {"page_size": 200} | query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def reached(found):
    """Return by user what is listed."""
    return {
        row["user"]["id"]: {(one["id"], one["access"]) for one in row["projects"]}
        for row in found["results"]
    }


def narrowed(whole, teams_of, *, team=None, project=None, access=None, flag=None):
    """Narrow the whole matrix by hand, as the documentation says it."""
    found = {}
    for row in whole["results"]:
        user, listed = row["user"], row["projects"]
        area = [
            one for one in listed if team in {None, one["team_id"]} and project in {None, one["id"]}
        ]
        flags = {
            None: True,
            "admin": user["is_platform_admin"],
            "restricted": user["is_restricted"],
            "suspended": not user["is_active"],
        }
        reaches_team = team in {one["team_id"] for one in listed}
        near = team is None or reaches_team or team in teams_of[user["id"]]
        if access == "none":
            fits = not [one for one in area if one["access"] != "none"]
        elif access:
            fits = access in {one["access"] for one in area}
        else:
            fits = bool(area) or project is None
        if flags[flag] and near and fits:
            found[user["id"]] = {
                (one["id"], one["access"]) for one in area if access in {None, one["access"]}
            }
    return found


@pytest.mark.parametrize("seed", range(3))
def test_filters_find_what_one_would_find_by_hand(llm, as_user, seed):
    users, teams, projects = random_world(Random(seed), llm)  # noqa: S311
    reader = person("reader", is_platform_admin=True)
    browser = as_user(reader)
    teams_of = {user.pk: set() for user in [*users, reader]}
    for user_id, team_id in Membership.objects.values_list("user_id", "team_id"):
        teams_of[user_id].add(team_id)
    whole = asked(browser)
    assert whole["count"] == len(users) + 1
    for team, project, access, flag in product(
        [None, *teams[:1]],
        [None, *projects[:2]],
        [None, *LEVELS],
        [None, "admin", "restricted", "suspended"],
    ):
        wanted = {
            "team": team and team.pk,
            "project": project and project.pk,
            "access": access,
            "flag": flag,
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        found = asked(browser, **given)
        assert reached(found) == narrowed(whole, teams_of, **given), given
        assert found["count"] == len(found["results"])


@pytest.mark.parametrize("name", ["team", "user", "project"])
@pytest.mark.parametrize("access", ["", "none", "use"])
def test_a_foreign_id_is_as_good_as_a_missing_one(world, as_user, name, access):
    foreign = {
        "team": world.beta.pk,
        "user": world.outsider.pk,
        "project": world.other_project.pk,
    }
    browser = as_user(world.team_admin)
    told = asked(browser, **{name: foreign[name], "access": access})
    assert told == asked(browser, **{name: MISSING, "access": access})
    assert told["count"] == 0
    assert told["results"] == []


def test_people_are_found_by_a_part_of_their_name_or_address(world, as_user):
    browser = as_user(world.team_admin)
    User.objects.filter(pk=world.viewer.pk).update(name="Ada")
    assert list(reached(asked(browser, q="ADA"))) == [world.viewer.pk]
    assert list(reached(asked(browser, q="viewer@"))) == [world.viewer.pk]
    assert reached(asked(browser, q="outsider")) == {}
    assert reached(asked(browser, q="%")) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page", "0"),
        ("page", "x"),
        ("page", "-1"),
        ("page_size", "0"),
        ("page_size", "201"),
        ("page_size", "x"),
        ("team", "x"),
        ("team", "1 OR 1=1"),
        ("user", "1.5"),
        ("project", "-1"),
        ("access", "everything"),
        ("access", "read"),
        ("flag", "root"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_word_for_the_field(world, as_user, name, value):
    answer = as_user(world.platform_admin).get(PATH, {name: value})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [name]


def test_pages_hold_everybody_once_and_end(world, as_user):
    browser = as_user(world.platform_admin)
    pages = [asked(browser, page=page, page_size=3) for page in (1, 2, 3)]
    addresses = [row["user"]["email"] for page in pages for row in page["results"]]
    assert addresses == sorted(User.objects.values_list("email", flat=True))
    assert {(page["count"], page["page_size"]) for page in pages} == {(7, 3)}
    assert browser.get(PATH, {"page": 4, "page_size": 3}).status_code == 404
    assert browser.get(PATH, {"page": "9" * 18, "page_size": 200}).status_code == 404


def fill(llm, teams, count):
    """Add so many people with memberships, assignments and keys of every kind, and projects."""
    for number in range(count):
        team = teams[number % len(teams)]
        project = project_in(team, llm, f"{count} p{number}", "team")
        user = person(f"{count}-{number}", is_platform_admin=number % 3 == 0)
        Membership.objects.create(user=user, team=team, role=("admin", "member")[number % 2])
        ProjectMember.objects.create(user=user, project=project, role="editor")
        make_key(user)
        make_key(user, project_ids=[project.pk])
        make_key(user, team_id=team.pk)


@pytest.mark.parametrize("role", ["platform_admin", "team_admin"])
def test_the_number_of_queries_does_not_grow_with_the_rows(world, as_user, role):
    teams = [world.alpha, world.beta, team_of("third")]
    browser = as_user(getattr(world, role))
    queries = ("", "?access=edit", "?access=none", f"?team={world.alpha.pk}", "?flag=admin")
    numbers = {}
    for count in (6, 24):
        fill(world.llm, teams, count)
        for query in queries:
            with CaptureQueriesContext(connection) as captured:
                browser.get(f"{PATH}{query}")
            numbers.setdefault(query, set()).add(len(captured))
    assert all(len(found) == 1 for found in numbers.values()), numbers
    assert max(max(found) for found in numbers.values()) <= 14
    assert Project.objects.count() > 24
