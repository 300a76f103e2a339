"""Who sets how often a project may be called, and what is taken as a limit."""

import pytest

from accounts.models import User
from audit.models import Entry
from metering.rates.services import set_project_rate
from projects.models import Project
from restai_site.lib.errors import Invalid
from restai_site.tests.world import SYSTEM, make_key

WRONG = [0, -1, 100_001, 2**63, 1.5, "5", "", True, [], {}, float("nan"), float("inf")]
# Of these a program can send all but what JSON does not know; digits as text are read as a number.
SENDABLE = [0, -1, 100_001, 2**63, 1.5, "", "x", True, [], {}]
JSON = {"content_type": "application/json"}
MANAGERS = ("platform_admin", "team_admin")
OTHERS = ("editor", "viewer")
STRANGERS = ("outsider", "outsider_admin", "member")


def url(project):
    return f"/api/projects/{project.pk}/limits"


def limit_of(project):
    return Project.objects.get(pk=project.pk).requests_per_minute


@pytest.mark.parametrize("role", MANAGERS)
def test_managers_set_and_remove_the_limit(world, api_as, role):
    program = api_as(getattr(world, role))
    for value in (1, 100_000, None):
        answer = program.patch(url(world.project), {"requests_per_minute": value})
        assert (answer.status_code, answer.json()) == (200, {"requests_per_minute": value})
        assert limit_of(world.project) == value


@pytest.mark.parametrize("role", OTHERS)
def test_who_uses_the_project_reads_the_limit_and_changes_nothing(world, api_as, role):
    Project.objects.filter(pk=world.project.pk).update(requests_per_minute=7)
    program = api_as(getattr(world, role))
    assert program.get(url(world.project)).json() == {"requests_per_minute": 7}
    for body in ({"requests_per_minute": 8}, {"requests_per_minute": "x"}, {}):
        assert program.patch(url(world.project), body).status_code == 403
    assert limit_of(world.project) == 7


@pytest.mark.parametrize("role", STRANGERS)
def test_to_others_there_is_no_such_project(world, api_as, role):
    program = api_as(getattr(world, role))
    assert program.get(url(world.project)).status_code == 404
    body = {"requests_per_minute": 8}
    assert program.patch(url(world.project), body).status_code == 404
    assert limit_of(world.project) is None


def test_without_a_credential_nothing_is_told(world, api):
    assert api.get(url(world.project)).status_code == 401
    assert api.patch(url(world.project), {"requests_per_minute": 8}).status_code == 401


def test_a_restricted_manager_changes_nothing(world, api_as):
    program = api_as(world.team_admin)
    User.objects.filter(pk=world.team_admin.pk).update(is_restricted=True)
    answer = program.patch(url(world.project), {"requests_per_minute": 8})
    assert (answer.status_code, limit_of(world.project)) == (403, None)


@pytest.mark.parametrize("value", SENDABLE)
def test_the_api_refuses_what_is_no_limit(world, api_as, value):
    answer = api_as(world.team_admin).patch(
        url(world.project), {"requests_per_minute": value}, format="json"
    )
    assert answer.status_code == 400
    assert "requests_per_minute" in answer.json()["errors"]
    assert limit_of(world.project) is None


@pytest.mark.parametrize("value", WRONG)
def test_the_service_refuses_what_is_no_limit(world, value):
    with pytest.raises(Invalid):
        set_project_rate(world.project, requests_per_minute=value, actor=SYSTEM)
    assert limit_of(world.project) is None


def test_the_trail_says_who_set_what(world, api_as):
    api_as(world.team_admin).patch(url(world.project), {"requests_per_minute": 5})
    entry = Entry.objects.get(action="project.limit")
    assert (entry.actor_id, entry.team_id) == (world.team_admin.pk, world.alpha.pk)
    assert entry.changes == {"requests_per_minute": {"before": None, "after": 5}}


def test_what_changes_nothing_is_not_in_the_trail(world):
    set_project_rate(world.project, requests_per_minute=None, actor=SYSTEM)
    assert not Entry.objects.filter(action="project.limit").exists()


def test_the_ordinary_way_to_change_a_project_does_not_change_it(world, api_as):
    body = {"name": "Renamed", "requests_per_minute": 5}
    api_as(world.team_admin).patch(f"/api/projects/{world.project.pk}", body)
    assert limit_of(world.project) is None


def test_a_key_narrowed_to_the_project_does_not_lift_its_limit(world, api):
    set_project_rate(world.project, requests_per_minute=5, actor=SYSTEM)
    key = make_key(world.editor, project_ids=[world.project.pk])[1]
    answer = api.with_key(key).patch(url(world.project), {"requests_per_minute": None})
    assert (answer.status_code, limit_of(world.project)) == (403, 5)


def page_of(project):
    return f"/projects/{project.pk}/limits"


@pytest.mark.parametrize("role", MANAGERS)
def test_managers_set_and_remove_the_limit_on_the_page(world, as_user, role):
    browser = as_user(getattr(world, role))
    for value, kept in (("12", 12), ("", None)):
        body = {"requests_per_minute": value}
        answer = browser.post(f"{page_of(world.project)}/rate", body, follow=True)
        assert answer.redirect_chain == [(page_of(world.project), 302)]
        assert "The rate limit is saved." in answer.content.decode()
        assert limit_of(world.project) == kept


def test_editors_read_it_by_the_api_alone(world, as_user):
    set_project_rate(world.project, requests_per_minute=5, actor=SYSTEM)
    browser = as_user(world.editor)
    assert browser.get(page_of(world.project)).status_code == 403
    assert browser.get(url(world.project)).json() == {"requests_per_minute": 5}
    body = {"requests_per_minute": "9"}
    assert browser.post(f"{page_of(world.project)}/rate", body).status_code == 403
    assert limit_of(world.project) == 5


def test_viewers_and_strangers_have_no_such_page(world, as_user):
    for role, status in (("viewer", 403), ("outsider_admin", 404)):
        browser = as_user(getattr(world, role))
        assert browser.get(page_of(world.project)).status_code == status
        body = {"requests_per_minute": "9"}
        answer = browser.post(f"{page_of(world.project)}/rate", body)
        assert (answer.status_code, limit_of(world.project)) == (status, None)


@pytest.mark.parametrize("value", ["0", "-5", "100001", "x", "1e3", "1.5", "٣٤x", "9" * 400])
def test_what_is_no_limit_is_refused_in_words(world, as_user, value):
    body = {"requests_per_minute": value}
    answer = as_user(world.team_admin).post(f"{page_of(world.project)}/rate", body, follow=True)
    assert "Nothing was saved" in answer.content.decode()
    assert limit_of(world.project) is None
