"""The platform's word on what new projects keep."""

import pytest

from configuration.services import update_section
from projects.models import Project
from projects.sections import LoggingSection
from projects.services import create_project
from restai_site.tests.world import SYSTEM

pytestmark = pytest.mark.django_db


def made(world, **values) -> str:
    values = {"name": "New", "llm": world.llm, **values}
    return create_project(world.alpha, values, actor=SYSTEM).inference_logging


def test_new_projects_keep_their_chats_unless_an_administrator_says_otherwise(world):
    assert made(world) == "full"
    update_section(LoggingSection, {"new_projects": "off"}, actor=SYSTEM)
    assert made(world, name="Later") == "off"
    assert set(Project.objects.values_list("inference_logging", flat=True)) == {"full", "off"}
    world.project.refresh_from_db()
    assert world.project.inference_logging == "full"


def test_who_makes_the_project_may_choose(world):
    update_section(LoggingSection, {"new_projects": "off"}, actor=SYSTEM)
    assert made(world, inference_logging="full") == "full"


def test_a_project_made_by_the_api_follows_it(world, api_as):
    update_section(LoggingSection, {"new_projects": "off"}, actor=SYSTEM)
    body = {"name": "Mine", "team": world.alpha.pk, "llm": world.llm.pk}
    answer = api_as(world.team_admin).post("/api/projects", body)
    assert (answer.status_code, answer.json()["inference_logging"]) == (201, "off")


def test_the_entry_in_the_trail_says_what_was_chosen(world):
    from audit.models import Entry

    made(world)
    assert Entry.objects.acts().latest("id").changes["inference_logging"] == "full"
