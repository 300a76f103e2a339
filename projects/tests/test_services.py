"""The services of projects keep what the pages and the API promise."""

import pytest

from audit.models import Entry
from projects.models import PromptVersion
from projects.services import create_project, restore_prompt, set_prompt, update_project
from restai_site.lib.errors import Forbidden, Invalid
from restai_site.tests.world import acting


def actor_of(user):
    return acting(user)


def test_an_ungranted_model_is_refused_at_create_and_update(world):
    team_admin = actor_of(world.team_admin)
    with pytest.raises(Invalid, match="not granted"):
        create_project(world.alpha, {"name": "New", "llm": world.other_llm}, actor=team_admin)
    with pytest.raises(Invalid, match="not granted"):
        update_project(world.project, {"llm": world.other_llm}, actor=team_admin)
    world.project.refresh_from_db()
    assert world.project.llm == world.llm


def test_each_change_of_the_prompt_is_a_version_that_can_be_restored(world):
    editor = actor_of(world.editor)
    set_prompt(world.project, "Second", actor=editor)
    assert set_prompt(world.project, "Second", actor=editor) is None
    first = PromptVersion.objects.get(project=world.project, number=1)
    restored = restore_prompt(first, actor=editor)
    world.project.refresh_from_db()
    assert (restored.number, restored.text) == (3, "You are Alpha.")
    assert world.project.system_prompt == "You are Alpha."


def test_a_viewer_cannot_change_the_prompt(world):
    with pytest.raises(Forbidden):
        set_prompt(world.project, "Mine now", actor=actor_of(world.viewer))
    world.project.refresh_from_db()
    assert world.project.system_prompt == "You are Alpha."


def test_an_editor_cannot_open_the_project_to_the_team(world):
    with pytest.raises(Forbidden):
        update_project(world.project, {"visibility": "team"}, actor=actor_of(world.editor))


def test_the_audit_entry_names_the_changed_fields(world):
    update_project(world.project, {"name": "Renamed"}, actor=actor_of(world.editor))
    entry = Entry.objects.acts().latest("id")
    assert entry.action == "project.update"
    assert entry.changes == {"name": {"before": "Private", "after": "Renamed"}}
    assert (entry.actor_email, entry.team_id) == ("editor@example.org", world.alpha.pk)
