"""What the matrix says is what happens: each user, key and project is asked over HTTP."""

import pytest

from accounts.models import User
from projects.models import Project
from projects.permissions.effective import Level
from projects.tests.permissions.people import make_both
from restai_site.tests.clients import AuditedAPIClient
from restai_site.tests.world import make_key, make_user
from teams.models import Membership

pytestmark = pytest.mark.django_db
REFUSED = {401, 403, 404}


def tried(program, project):
    """Return the level that the answers amount to: read, chat, edit, decide who has access."""
    path = f"/api/projects/{project.pk}"
    # The provider of the tests is away: whoever may chat gets as far as that.
    answers = {
        Level.READ: program.get(path),
        Level.USE: program.post(f"{path}/chat", {"message": "Hello?"}),
        Level.EDIT: program.patch(path, {"description": "Tried."}),
        Level.MANAGE: program.delete(path),
    }
    allowed = [level for level, answer in answers.items() if answer.status_code not in REFUSED]
    # Each level holds those below it, with one exception: who reads by a key chats not.
    assert allowed == [level for level in answers if level in allowed and level <= max(allowed)]
    return max(allowed, default=Level.NONE)


def told_of_users(browser):
    rows = browser.get("/permissions/matrix?page_size=200").json()["results"]
    return {
        (row["user"]["id"], one["id"]): one["access"] for row in rows for one in row["projects"]
    }


@pytest.fixture
def crowd(world):
    """The cast, and those whom something keeps from what their roles give."""
    make_both(world)
    for name, role in (("team_admin", "admin"), ("member", "member")):
        for flag, value in (("is_restricted", True), ("is_active", False)):
            user = make_user(f"{name}-{flag}")
            Membership.objects.create(team=world.alpha, user=user, role=role)
            User.objects.filter(pk=user.pk).update(**{flag: value})
    make_user("restricted_administrator", is_platform_admin=True, is_restricted=True)
    return world


def attempts(program, projects):
    from django.db import transaction

    for project in projects:
        mark = transaction.savepoint()
        yield project, tried(program, project)
        transaction.savepoint_rollback(mark)


def test_every_user_can_do_to_every_project_exactly_what_is_told(crowd, as_user):
    told = told_of_users(as_user(crowd.platform_admin))
    projects = list(Project.objects.all())
    wrong, levels = [], set()
    for user in User.objects.all():
        program = AuditedAPIClient()
        program.force_login(user)
        for project, level in attempts(program, projects):
            expected = told.get((user.pk, project.pk), "none")
            levels.add(expected)
            if level.word != expected:
                wrong.append(f"{user} {project}: told {expected}, found {level.word}")
    assert wrong == []
    assert levels == {"manage", "edit", "use", "none"}


def limits_of(world):
    return [
        {},
        {"scope": "read"},
        {"scope": "chat"},
        {"project_ids": [world.project.pk, world.other_project.pk]},
        {"project_ids": [world.shared_project.pk], "scope": "chat"},
        {"team_id": world.alpha.pk},
        {"team_id": world.beta.pk, "scope": "read"},
    ]


def test_every_key_reaches_exactly_what_is_told(crowd, as_user):
    """The number in the matrix, and the list and levels on the page of its owner."""
    from django.core.cache import cache

    from accounts.models import ApiKey

    projects = list(Project.objects.all())
    reader = as_user(crowd.platform_admin)
    owners = [crowd.platform_admin, crowd.team_admin, crowd.editor, crowd.viewer, crowd.outsider]
    seen = set()
    for owner in owners:
        for limits in limits_of(crowd):
            key, secret = make_key(crowd.platform_admin, **limits)
            # Narrowed to more than its owner sees now: roles can be lost after a key was made.
            ApiKey.objects.filter(pk=key.pk).update(user=owner)
            cache.clear()
            program = AuditedAPIClient().with_key(secret)
            found = {project.name: level for project, level in attempts(program, projects) if level}
            rows = reader.get(f"/permissions/matrix?user={owner.pk}").json()["results"]
            (told,) = [one for one in rows[0]["keys"] if one["id"] == key.pk]
            assert told["reaches"] == len(found), (owner, limits)
            page = reader.get(f"/permissions/users/{owner.pk}?key={key.pk}")
            shown = {one.name: one.level for one in page.context["projects"]}
            assert shown == found, (owner, limits)
            seen |= set(found.values())
            key.delete()
    assert seen == {Level.READ, Level.USE, Level.EDIT, Level.MANAGE}


@pytest.mark.parametrize("role", ["platform_admin", "team_admin", "editor", "viewer", "outsider"])
def test_every_person_can_call_exactly_the_models_that_are_told(crowd, as_user, role):
    user = getattr(crowd, role)
    rows = as_user(crowd.platform_admin).get(f"/permissions/matrix?user={user.pk}").json()
    told = rows["results"][0]["models"]
    program = AuditedAPIClient().with_key(make_key(user)[1])
    callable_ = {"llms": [], "embedding_models": []}
    for name in ("alpha-llm", "beta-llm"):
        body = {"model": name, "messages": [{"role": "user", "content": "Hello?"}]}
        if program.post("/v1/chat/completions", body).status_code not in REFUSED:
            callable_["llms"].append(name)
    body = {"model": "alpha-embedding", "input": "Hello?"}
    if program.post("/v1/embeddings", body).status_code not in REFUSED:
        callable_["embedding_models"].append("alpha-embedding")
    assert {kind: told[kind] for kind in callable_} == callable_
