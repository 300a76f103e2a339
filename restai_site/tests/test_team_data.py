"""What the platform has about a team: as a file for its admins, and gone when it is erased."""

import json
import zipfile
from io import BytesIO

import pytest

from accounts.models import ApiKey, User
from accounts.services import create_api_key
from audit.models import Entry
from configuration.services import update_section
from guards.models import GuardEvent
from inference.models import Conversation, InferenceLog, Message
from metering.models import UsageRecord
from projects.erasing import services as erasing
from projects.models import Project, TeamErasure
from projects.services import create_secret
from projects.tasks import erase_team, look_after_team_erasures
from restai_site.lib.errors import Conflict, Forbidden, NotFound
from restai_site.tests.background import waiting
from restai_site.tests.clients import AuditedClient
from restai_site.tests.tables import tables_holding
from restai_site.tests.test_personal_data import used
from restai_site.tests.world import SYSTEM, acting
from teams.data import services
from teams.data.holdings import holdings
from teams.models import Membership, Team, TeamExport
from teams.tasks import make_team_export

__all__ = ["used"]
SECRET = "the-secret-of-alpha"


@pytest.fixture
def held(used):
    """A team in which things were said, found and used, beside another."""
    Project.objects.filter(pk=used.project.pk).update(system_prompt="Prompt of alpha")
    create_secret(used.project, name="TOKEN", value=SECRET, actor=SYSTEM)
    Project.objects.filter(pk=used.other_project.pk).update(system_prompt="Prompt of beta")
    return used


def exported(team, user):
    row = services.ask(team, actor=acting(user))
    assert make_team_export(row.pk) is True
    row.refresh_from_db()
    with zipfile.ZipFile(BytesIO(services.fetch(row, actor=acting(user)))) as archive:
        names = [name for name in archive.namelist() if name.endswith(".json")]
        return {name.removesuffix(".json"): json.loads(archive.read(name)) for name in names}


def test_it_has_everything_of_the_team_and_nothing_of_others(held):
    found = exported(held.alpha, held.team_admin)
    assert set(found) == set(holdings())
    text = json.dumps(found)
    for words in ("Prompt of alpha", "Asked by editor", "Found of viewer", "model of editor"):
        assert words in text, words
    for words in ("Prompt of beta", SECRET, held.outsider.email):
        assert words not in text, words
    # What people said in their own conversations is theirs.
    assert "Said by editor" not in text
    assert {one["email"] for one in found["members"]} >= {held.editor.email, held.viewer.email}
    project = next(one for one in found["projects"] if one["name"] == "Private")
    assert project["secrets"] == ["TOKEN"]
    assert {one["role"] for one in project["members"]} == {"editor", "viewer"}
    assert found["team"][0]["llms"] == [held.llm.name]


def test_no_secret_is_in_it(held):
    key, secret = create_api_key(held.editor, name="k", actor=acting(held.editor))
    text = json.dumps(exported(held.alpha, held.team_admin))
    for one in (secret, key.digest, SECRET):
        assert one not in text


def test_the_trail_is_in_it_only_where_team_admins_may_read_it(held):
    from audit.sections import AuditSection

    assert exported(held.alpha, held.team_admin)["audit"] == []
    update_section(AuditSection, {"team_admins_read": True}, actor=SYSTEM)
    found = exported(held.alpha, held.team_admin)["audit"]
    assert "team.export" in {one["action"] for one in found}


def test_asking_and_fetching_are_recorded(held):
    exported(held.alpha, held.team_admin)
    acts = Entry.objects.acts().filter(actor_id=held.team_admin.pk).order_by("-pk")
    assert list(acts.values_list("action", "team_id")[:2]) == [
        ("team.export_fetch", held.alpha.pk),
        ("team.export", held.alpha.pk),
    ]


@pytest.mark.parametrize("name", ["editor", "viewer", "member", "outsider", "outsider_admin"])
def test_nobody_else_gets_it(held, as_user, name):
    row = services.ask(held.alpha, actor=acting(held.team_admin))
    make_team_export(row.pk)
    user = getattr(held, name)
    with pytest.raises(Forbidden):
        services.ask(held.alpha, actor=acting(user))
    with pytest.raises(NotFound):
        services.fetch(row, actor=acting(user))
    browser = as_user(user)
    for path in (
        f"/teams/{held.alpha.pk}/data/{row.pk}",
        f"/teams/{held.beta.pk}/data/{row.pk}",
        f"/api/teams/{held.alpha.pk}/exports/{row.pk}/file",
        f"/api/teams/{held.beta.pk}/exports/{row.pk}/file",
    ):
        assert browser.get(path).status_code in {403, 404}, path


def test_keys_and_impersonators_get_none(held):
    for values in (
        {"session_id": None, "credential": "key:1", "api_key_id": 1},
        {"impersonator_id": 1},
    ):
        with pytest.raises(Forbidden):
            services.ask(held.alpha, actor=acting(held.team_admin, **values))
    browser = AuditedClient()
    browser.force_login(held.team_admin, impersonator=held.platform_admin)
    browser.post(f"/teams/{held.alpha.pk}/data/make")
    assert TeamExport.objects.count() == 0


def test_few_a_day(held):
    for _ in range(3):
        exported(held.alpha, held.team_admin)
    with pytest.raises(Conflict):
        services.ask(held.alpha, actor=acting(held.team_admin))
    services.ask(held.beta, actor=acting(held.outsider_admin))


def test_the_page_makes_shows_and_gives_it(held, as_user):
    waiting()
    browser, page = as_user(held.team_admin), f"/teams/{held.alpha.pk}/data"
    assert "No file yet" in browser.get(page).content.decode()
    browser.post(f"{page}/make")
    assert "Being made" in browser.get(page).content.decode()
    [job] = waiting()
    make_team_export(*job.args)
    row = TeamExport.objects.get()
    assert "Ready" in browser.get(page).content.decode()
    answer = browser.get(f"{page}/{row.pk}")
    assert answer["Content-Type"] == "application/zip"
    assert answer["Cache-Control"] == "no-store"
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        assert archive.testzip() is None


# Erasing a team.


def erase(held, actor=None):
    row = erasing.ask(held.alpha, actor=actor or acting(held.platform_admin))
    assert erase_team(row.pk) is True
    row.refresh_from_db()
    return row


def test_nothing_of_the_team_is_left_but_numbers(held):
    texts = ("Prompt of alpha", "Asked by editor", "Said by viewer", "Found of viewer")
    for text in texts:
        assert tables_holding(text), text
    calls = UsageRecord.objects.filter(team=held.alpha).count()
    assert calls
    row = erase(held)
    for text in texts:
        assert tables_holding(text) == [], text
    assert not Team.objects.filter(pk=held.alpha.pk).exists()
    assert not Project.objects.filter(pk__in=[held.project.pk, held.shared_project.pk]).exists()
    assert (row.projects, row.projects_gone) == (2, 2)
    assert row.rows_gone >= 6
    # Members keep their accounts, the ledger its numbers; another team has what it had.
    assert User.objects.filter(pk=held.editor.pk).exists()
    assert UsageRecord.objects.filter(team_id=held.alpha.pk).count() == calls
    assert tables_holding("Prompt of beta")


def test_it_is_recorded_from_asking_to_the_end(held):
    erase(held)
    acts = Entry.objects.acts().filter(team_id=held.alpha.pk).order_by("pk")
    names = list(acts.values_list("action", flat=True))
    assert names[-1] == "team.erased"
    assert {"team.erase", "project.delete", "team.delete"} <= set(names)
    assert acts.last().changes["projects"] == 2


def test_nobody_reaches_it_from_the_moment_of_asking(held, as_user):
    key, _ = create_api_key(
        held.team_admin, name="t", team_id=held.alpha.pk, actor=acting(held.team_admin)
    )
    browser = as_user(held.team_admin)
    assert browser.get(f"/teams/{held.alpha.pk}").status_code == 200
    erasing.ask(held.alpha, actor=acting(held.platform_admin))
    assert Membership.objects.filter(team=held.alpha).count() == 0
    for path in (
        f"/teams/{held.alpha.pk}",
        f"/projects/{held.project.pk}",
        f"/projects/{held.shared_project.pk}",
    ):
        assert browser.get(path).status_code == 404, path
    assert as_user(held.editor).get(f"/projects/{held.project.pk}").status_code == 404
    assert ApiKey.objects.get(pk=key.pk).revoked_at is not None


def test_a_killed_job_goes_on(held, monkeypatch):
    monkeypatch.setattr(erasing, "BATCH", 1)
    row = erasing.ask(held.alpha, actor=acting(held.platform_admin))
    for _ in range(3):
        assert erasing.step(row.pk) is True
    row.refresh_from_db()
    assert (row.rows_gone, row.finished_at) == (3, None)
    look_after_team_erasures()
    row.refresh_from_db()
    assert row.finished_at is not None
    assert not Team.objects.filter(pk=held.alpha.pk).exists()
    # Delivered again, nothing happens.
    assert erase_team(row.pk) is True


def test_asked_again_it_is_the_same(held):
    actor = acting(held.platform_admin)
    first = erasing.ask(held.alpha, actor=actor)
    assert erasing.ask(held.alpha, actor=actor).pk == first.pk
    assert Entry.objects.filter(action="team.erase").count() == 1


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("team_admin", {}),
        ("outsider_admin", {}),
        ("platform_admin", {"session_id": None, "credential": "key:1", "api_key_id": 1}),
        ("platform_admin", {"impersonator_id": 1}),
    ],
)
def test_only_platform_administrators_in_person_erase(held, name, values):
    with pytest.raises(Forbidden):
        erasing.ask(held.alpha, actor=acting(getattr(held, name), **values))
    assert TeamErasure.objects.count() == 0


def test_by_the_pages_and_the_api(held, as_user):
    browser = as_user(held.platform_admin)
    path = f"/teams/{held.alpha.pk}/erase"
    browser.post(path, {"confirmation": "Beta"})
    assert TeamErasure.objects.count() == 0
    assert browser.post(path, {"confirmation": "Alpha"})["Location"] == "/teams/erasures"
    assert "Being erased" in browser.get("/teams/erasures").content.decode()
    look_after_team_erasures()
    page = browser.get("/teams/erasures").content.decode()
    assert "2 of 2" in page
    answer = browser.post(f"/api/teams/{held.beta.pk}/erase")
    assert answer.status_code == 202
    shown = browser.get(f"/api/team-erasures/{answer.json()['id']}").json()
    assert (shown["name"], shown["finished_at"]) == ("Beta", None)


def test_logs_findings_and_messages_of_others_stay(held):
    counts = [model.objects.count() for model in (Conversation, Message, InferenceLog, GuardEvent)]
    assert all(counts)
    row = erasing.ask(held.beta, actor=acting(held.platform_admin))
    erase_team(row.pk)
    after = [model.objects.count() for model in (Conversation, Message, InferenceLog, GuardEvent)]
    assert after == counts
