"""GET /permissions/matrix: who may ask, what is told, and to whom."""

import pytest

from accounts.models import User
from audit.models import Entry
from projects.models import Project, ProjectMember
from projects.permissions.serializers import MatrixSerializer
from projects.tests.permissions.people import OF_BETA, make_both
from restai_site.tests.world import make_key, make_user
from teams.models import Membership
from teams.services import set_grants

pytestmark = pytest.mark.django_db
PATH = "/permissions/matrix"


@pytest.fixture
def both(world):
    return make_both(world)


def asked(browser, query=""):
    answer = browser.get(f"{PATH}{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def row_of(browser, user, query=""):
    (row,) = asked(browser, f"?user={user.pk}{query}")["results"]
    return row


def seen(browser, query=""):
    """Return by e-mail address what each user reaches, as name and level."""
    return {
        row["user"]["email"].partition("@")[0]: {
            one["name"]: one["access"] for one in row["projects"]
        }
        for row in asked(browser, query)["results"]
    }


# --- The doors


def test_nobody_in_particular_is_told_to_sign_in(api, db):
    answer = api.get(PATH)
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("role", ["viewer", "editor", "member", "outsider"])
def test_whoever_runs_no_team_is_refused(world, as_user, role):
    answer = as_user(getattr(world, role)).get(PATH)
    assert answer.status_code == 403
    assert not Entry.objects.filter(action__startswith="permissions.").exists()


@pytest.mark.parametrize("limit", ["project_ids", "team_id"])
@pytest.mark.parametrize("role", ["platform_admin", "team_admin"])
def test_a_narrowed_key_is_refused_whoever_owns_it(world, api, role, limit):
    limits = {"project_ids": [world.project.pk], "team_id": world.alpha.pk}
    _, key = make_key(getattr(world, role), **{limit: limits[limit]})
    assert api.with_key(key).get(PATH).status_code == 403


def test_a_key_for_chats_is_refused_and_one_for_reading_is_not(world, api):
    _, chat = make_key(world.platform_admin, scope="chat")
    assert api.with_key(chat).get(PATH).status_code == 403
    _, read = make_key(world.team_admin, scope="read")
    assert api.with_key(read).get(PATH).status_code == 200


def test_it_is_read_and_nothing_else(world, as_user):
    browser = as_user(world.platform_admin)
    for method in ("post", "put", "patch", "delete"):
        assert getattr(browser, method)(PATH).status_code == 405


def test_whoever_stops_running_a_team_sees_it_no_more(world, api_as):
    program = api_as(world.team_admin)
    assert program.get(PATH).status_code == 200
    Membership.objects.filter(user=world.team_admin).update(role="member")
    assert program.get(PATH).status_code == 403


# --- What is told


def test_platform_administrators_are_told_everything(world, as_user):
    found = seen(as_user(world.platform_admin))
    assert found == {
        "platform-admin": {"Private": "manage", "Shared": "manage", "Other": "manage"},
        "team-admin": {"Private": "manage", "Shared": "manage"},
        "editor": {"Private": "edit", "Shared": "use"},
        "viewer": {"Private": "use", "Shared": "use"},
        "member": {"Shared": "use"},
        "outsider": {},
        "outsider-admin": {"Other": "manage"},
    }


def test_the_row_of_a_user_is_whole(world, as_user):
    key, _ = make_key(world.editor, "Nightly", project_ids=[world.project.pk], scope="read")
    make_key(world.editor, "gone")[0].delete()
    assert row_of(as_user(world.platform_admin), world.editor) == {
        "user": {
            "id": world.editor.pk,
            "email": "editor@example.org",
            "name": "Editor",
            "is_platform_admin": False,
            "is_restricted": False,
            "is_active": True,
        },
        "teams": [{"id": world.alpha.pk, "name": "Alpha", "role": "member"}],
        "models": {
            "llms": ["alpha-llm"],
            "embedding_models": ["alpha-embedding"],
            "image_generators": [],
            "audio_generators": [],
        },
        "projects": [
            {
                "id": world.project.pk,
                "name": "Private",
                "team_id": world.alpha.pk,
                "access": "edit",
                "held": "edit",
                "reasons": ["assigned_editor"],
            },
            {
                "id": world.shared_project.pk,
                "name": "Shared",
                "team_id": world.alpha.pk,
                "access": "use",
                "held": "use",
                "reasons": ["public_in_team"],
            },
        ],
        "keys": [
            {
                "id": key.pk,
                "name": "Nightly",
                "scope": "read",
                "project_ids": [world.project.pk],
                "team_id": None,
                "expires_at": None,
                "reaches": 1,
            }
        ],
    }


def test_the_schema_names_every_field_of_the_answer(world, as_user):
    """The serializers are for the schema alone: what they would write is what is answered."""
    make_key(world.editor, team_id=world.alpha.pk)
    told = asked(as_user(world.platform_admin))
    assert MatrixSerializer(told).data == told


def test_a_suspended_user_has_no_access_and_the_reasons_that_there_were(world, as_user):
    make_key(world.editor)
    User.objects.filter(pk=world.editor.pk).update(is_active=False)
    row = row_of(as_user(world.platform_admin), world.editor)
    assert row["user"]["is_active"] is False
    levels = {(one["name"], one["access"], one["held"]) for one in row["projects"]}
    assert levels == {("Private", "none", "edit"), ("Shared", "none", "use")}
    assert row["projects"][0]["reasons"] == ["assigned_editor"]
    assert [key["reaches"] for key in row["keys"]] == [0]


def test_a_restricted_user_is_left_with_use(world, as_user):
    User.objects.filter(pk=world.team_admin.pk).update(is_restricted=True)
    row = row_of(as_user(world.platform_admin), world.team_admin)
    assert row["user"]["is_restricted"] is True
    assert {(one["access"], one["held"]) for one in row["projects"]} == {("use", "manage")}


def test_revoked_and_expired_keys_are_left_out(world, as_user):
    from datetime import timedelta

    from django.utils import timezone

    revoked, expired, kept = (make_key(world.viewer, name)[0] for name in ("r", "e", "kept"))
    type(kept).objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
    past = timezone.now() - timedelta(seconds=1)
    type(kept).objects.filter(pk=expired.pk).update(expires_at=past)
    row = row_of(as_user(world.platform_admin), world.viewer)
    assert [key["id"] for key in row["keys"]] == [kept.pk]


def test_a_disabled_model_and_a_withdrawn_grant_are_gone(world, as_user):
    browser = as_user(world.platform_admin)
    world.llm.enabled = False
    world.llm.save()
    assert row_of(browser, world.viewer)["models"]["llms"] == []
    from restai_site.tests.world import SYSTEM

    set_grants(world.alpha, {"embedding_models": []}, actor=SYSTEM)
    assert row_of(browser, world.viewer)["models"]["embedding_models"] == []


def test_platform_administrators_call_every_model(world, as_user):
    browser = as_user(world.platform_admin)
    assert row_of(browser, world.platform_admin)["models"]["llms"] == ["alpha-llm", "beta-llm"]


# --- What is not told


def test_a_team_admin_is_told_of_their_teams_alone(world, as_user):
    assert set(seen(as_user(world.team_admin))) == {"team-admin", "editor", "viewer", "member"}
    assert seen(as_user(world.outsider_admin)) == {
        "outsider": {},
        "outsider-admin": {"Other": "manage"},
    }


def test_of_somebody_in_both_teams_nothing_of_the_other_is_told(world, both, as_user):
    browser = as_user(world.team_admin)
    text = browser.get(PATH).content.decode()
    assert not [word for word in OF_BETA if word in text]
    row = row_of(browser, both.user)
    assert [team["name"] for team in row["teams"]] == ["Alpha"]
    assert row["models"]["llms"] == ["alpha-llm"]
    assert row["models"]["image_generators"] == []
    assert {one["name"]: one["access"] for one in row["projects"]} == {
        "Private": "edit",
        "Shared": "use",
    }
    keys = {key["id"]: key for key in row["keys"]}
    ids = {name: key.pk for name, key in both.keys.items()}
    assert set(keys) == {ids[name] for name in ("anywhere", "alpha", "project", "mixed")}
    assert (
        keys[ids["anywhere"]] | {"name": None, "project_ids": None, "reaches": 2}
        == keys[ids["anywhere"]]
    )
    assert keys[ids["alpha"]]["name"] == "alpha alone"
    assert keys[ids["project"]]["name"] == "project alone"
    assert keys[ids["mixed"]]["name"] is None
    assert keys[ids["mixed"]]["project_ids"] == [world.project.pk]
    assert keys[ids["mixed"]]["reaches"] == 1


def test_a_platform_administrator_is_told_all_of_somebody_in_both(world, both, as_user):
    row = row_of(as_user(world.platform_admin), both.user)
    assert [team["name"] for team in row["teams"]] == ["Alpha", "Beta"]
    assert {key["name"]: key["reaches"] for key in row["keys"]} == {
        "for Beta too": 4,
        "alpha alone": 2,
        "beta alone": 2,
        "project alone": 1,
        "for Hidden too": 2,
        "Hidden alone": 1,
    }


def test_an_answer_to_one_team_is_the_same_whatever_happens_in_the_other(world, both, as_user):
    """Beta could have a hundred projects or none: not a byte of Alpha's matrix changes."""
    browser = as_user(world.team_admin)
    queries = ("", "?access=manage", "?access=none", "?flag=admin", f"?user={both.user.pk}")
    before = [asked(browser, query) for query in queries]
    Membership.objects.filter(team=world.beta, user=both.user).update(role="member")
    set_grants_away(world)
    extra = Project.objects.create(team=world.beta, llm=world.other_llm, name="More")
    Membership.objects.create(team=world.beta, user=world.viewer, role="admin")
    ProjectMember.objects.create(project=extra, user=world.member, role="editor")
    make_user("newcomer")
    assert [asked(browser, query) for query in queries] == before


def set_grants_away(world):
    from restai_site.tests.world import SYSTEM

    set_grants(world.beta, {"image_generators": [], "llms": []}, actor=SYSTEM)


def test_whoever_was_added_to_a_project_from_outside_of_the_team_is_told(world, as_user):
    """No service makes such a row; were there one, the team's admin has to see it."""
    stranger = make_user("stranger")
    ProjectMember.objects.create(project=world.project, user=stranger, role="editor")
    browser = as_user(world.team_admin)
    assert seen(browser)["stranger"] == {"Private": "edit"}
    assert "stranger" not in seen(as_user(world.outsider_admin))
    assert "stranger" in seen(browser, f"?team={world.alpha.pk}")


def test_a_platform_administrator_in_the_team_is_told_as_one(world, as_user):
    browser = as_user(world.team_admin)
    assert "platform-admin" not in seen(browser)
    Membership.objects.create(team=world.alpha, user=world.platform_admin, role="member")
    row = row_of(browser, world.platform_admin)
    assert {one["name"]: one["reasons"] for one in row["projects"]} == {
        "Private": ["platform_admin"],
        "Shared": ["platform_admin", "public_in_team"],
    }
    assert row["models"]["llms"] == ["alpha-llm"]


# --- The trail


def test_each_reading_is_recorded_once_with_what_was_asked(world, as_user):
    browser = as_user(world.team_admin)
    asked(browser, f"?team={world.alpha.pk}&access=edit&q=ed&flag=")
    asked(browser, f"?team={world.beta.pk}")
    first, second = Entry.objects.filter(action="permissions.read").order_by("pk")
    assert first.actor_id == world.team_admin.pk
    assert first.changes == {"team": world.alpha.pk, "access": "edit", "q": "ed"}
    # A team that is not theirs is not named as the entry's: the trail of Beta stays Beta's.
    assert (first.team_id, second.team_id) == (world.alpha.pk, world.alpha.pk)
