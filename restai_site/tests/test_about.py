"""The page about the platform names what runs here."""

import platform
import tomllib
from pathlib import Path

import django
import pytest
from django.conf import settings
from django.db import connection

from restai_site.tests.limits import redis_away

PATH = "/settings/about"


def facts(browser) -> dict:
    return dict(browser.get(PATH).context["facts"])


@pytest.fixture
def browser(world, as_user):
    return as_user(world.platform_admin)


def test_the_page_is_for_platform_administrators(client, as_user, world):
    assert client.get(PATH).url.startswith("/login?next=")
    for user in (world.outsider, world.viewer, world.team_admin):
        assert as_user(user).get(PATH).status_code == 403
    assert as_user(world.platform_admin).get(PATH).status_code == 200


def test_versions_are_those_of_what_runs(browser, world):
    told = facts(browser)
    assert told["RESTai"] == settings.VERSION
    assert told["Python"] == platform.python_version()
    assert told["Django"] == django.get_version()
    version = connection.pg_version
    assert told["PostgreSQL"].startswith(f"{version // 10000}.{version % 10000}")
    assert told.get("Valkey", told.get("Redis", ""))[0].isdigit()
    assert told["Licence"] == "Apache-2.0"


def test_users_teams_and_projects_are_counted(browser, world):
    world.outsider.is_active = False
    world.outsider.save()
    told = facts(browser)
    assert (told["Active users"], told["Teams"], told["Projects"]) == (6, 2, 3)


def test_the_page_comes_without_redis(browser, world, settings):
    with redis_away(settings):
        assert facts(browser)["Redis"] == "does not answer"


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((Path(settings.BASE_DIR) / "pyproject.toml").read_text())["project"]
    assert (project["version"], project["license"]) == (settings.VERSION, "Apache-2.0")


def test_the_page_asks_few_questions(browser, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        browser.get(PATH)
