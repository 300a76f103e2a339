"""Attacks on the walls between tenants that were real elsewhere, on what is built here."""

import json
import re
from uuid import uuid4

import pytest

from accounts.models import User
from inference.models import Conversation, Message
from metering.models import UsageRecord
from projects.models import Project, ProjectInvitation, ProjectMember
from projects.services import create_project
from restai_site.tests.access.routes import Route, all_routes
from restai_site.tests.access.stage import MISSING
from restai_site.tests.clients import AuditedAPIClient
from restai_site.tests.world import SYSTEM, acting, make_key, make_user
from teams.models import Invitation, Membership, Team
from teams.services import add_member, create_team, invite_to_team

pytestmark = pytest.mark.django_db
MODELS = (Team, Membership, Invitation, Project, ProjectMember, ProjectInvitation, User)


def rows():
    """Return everything that a tenant owns, but for when somebody was last seen."""
    found = {}
    for model in MODELS:
        values = model.objects.order_by("pk").values()
        found[model] = [{k: v for k, v in row.items() if k != "last_login"} for row in values]
    return found


def send(browser, method, path, body=None):
    if method == "get":
        return browser.get(path)
    data = json.dumps(body or {})
    return getattr(browser, method)(path, data, content_type="application/json")


# --- A: whose is it ------------------------------------------------------------------------------


@pytest.fixture
def talk(world):
    """A conversation of the viewer with the project."""
    talk = Conversation.objects.create(project=world.project, user=world.viewer, title="Mine")
    question = Message.objects.create(conversation=talk, role="user", content="Question")
    Message.objects.create(conversation=talk, role="assistant", content="Reply", parent=question)
    return talk


@pytest.mark.parametrize("role", ["editor", "team_admin", "platform_admin", "outsider"])
def test_a_conversation_of_somebody_in_the_same_team_is_as_good_as_missing(
    world, talk, as_user, role
):
    """A3, A4: also to admins, for reading, continuing, renaming and deleting."""
    browser = as_user(getattr(world, role))
    for pk in (talk.pk, uuid4()):
        path = f"/api/conversations/{pk}"
        for method, body in (("get", None), ("patch", {"title": "x"}), ("delete", None)):
            assert send(browser, method, path, body).status_code == 404
        chat = f"/projects/{world.project.pk}/chat/{pk}"
        for page in (chat, f"{chat}/rename", f"{chat}/pin", f"{chat}/delete"):
            assert browser.post(page, {"title": "x"}).status_code in {404, 405}
        body = {"message": "Hi", "conversation_id": str(pk)}
        answer = send(browser, "post", f"/api/projects/{world.project.pk}/chat", body)
        assert answer.status_code == 404
    talk.refresh_from_db()
    assert (talk.title, talk.messages.count()) == ("Mine", 2)


def test_foreign_ids_in_lists_are_refused_whole(world, as_user):
    """A6: grants, limits of keys; what is foreign among what is one's own."""
    browser, before = as_user(world.team_admin), rows()
    grants = f"/api/teams/{world.alpha.pk}/grants"
    assert send(browser, "patch", grants, {"llms": [world.other_llm.pk]}).status_code == 403
    for foreign in (world.other_project.pk, int(MISSING)):
        body = {"name": "k", "project_ids": [world.project.pk, foreign]}
        assert send(browser, "post", "/api/keys", body).status_code == 400
    for foreign in (world.beta.pk, int(MISSING)):
        assert (
            send(browser, "post", "/api/keys", {"name": "k", "team_id": foreign}).status_code == 400
        )
    assert rows() == before
    assert not world.team_admin.api_keys.exists()


AGE = re.compile(r"<time[^>]*>[^<]*</time>")


def shown_to(browser, path):
    """Return the page without what is new each time."""
    answer = browser.get(path)
    if answer.streaming:
        return answer.status_code
    # How long ago something was moves by itself.
    text = AGE.sub("<time>", answer.content.decode())
    return answer.status_code, "\n".join(
        line for line in text.splitlines() if "csrf" not in line and "request_id" not in line
    )


def test_counts_lists_search_and_palette_do_not_move_with_the_other_team(world, as_user):
    """A7: whatever happens in alpha, everything an outsider can open stays as it was."""
    plain = ("/api/schema", "/api/docs")
    paths = [
        route.path
        for route in all_routes()
        if not route.places and route.path not in plain and not route.path.startswith("/admin")
    ]
    paths += [f"{path}?q=a" for path in ("/search", "/projects", "/teams")]
    paths += [f"{path}?search=a" for path in ("/api/projects", "/api/teams")]
    paths += [f"/projects?team={world.alpha.pk}", f"/api/usage/summary?team={world.alpha.pk}"]
    browsers = [as_user(user) for user in (world.outsider, world.outsider_admin)]
    paths = [path for path in paths if Route(path).path not in {"/logout", "/health"}]

    def seen():
        return {
            (path, index): shown_to(browser, path)
            for path in paths
            for index, browser in enumerate(browsers)
        }

    before = seen()
    assert before == seen()
    _fill(world)
    after = seen()
    assert [key for key in before if before[key] != after[key]] == []


def _fill(world):
    for number in range(3):
        person = make_user(f"alpha_{number}")
        add_member(world.alpha, person, actor=SYSTEM)
        create_project(
            world.alpha,
            {"name": f"Another {number}", "llm": world.llm, "visibility": "team"},
            actor=SYSTEM,
        )
        Invitation.objects.create(
            team=world.alpha, email=f"a{number}@example.org", invited_by=world.team_admin
        )
        UsageRecord.objects.create(
            project=world.project,
            team=world.alpha,
            user=world.viewer,
            model_name="mock",
            prompt_tokens=1,
            completion_tokens=1,
            tokens_source="provider",
            latency_ms=1,
            outcome="completed",
        )


def test_who_is_suggested_is_an_acquaintance(mailbox, world, as_user):
    """A7: the lists that names are chosen from hold nobody of a foreign team."""
    browser = as_user(world.team_admin)
    for path in (
        f"/teams/{world.alpha.pk}",
        f"/projects/{world.project.pk}/access",
        f"/projects/{world.project.pk}/move",
        "/projects/new",
        "/profile/keys",
    ):
        page = browser.get(path).content.decode()
        assert "outsider" not in page
        assert "Beta" not in page
        assert "beta-llm" not in page


@pytest.mark.parametrize("role", ["team_admin", "outsider_admin"])
def test_a_project_is_not_reached_through_another_teams_address(mailbox, world, as_user, role):
    """A12: the team in the address and the row below have to belong together."""
    browser, before = as_user(getattr(world, role)), rows()
    member = Membership.objects.get(user=world.member)
    foreign = Membership.objects.get(user=world.outsider)
    for team, row in ((world.alpha, foreign), (world.beta, member)):
        for path in (
            f"/teams/{team.pk}/members/{row.pk}/role",
            f"/teams/{team.pk}/members/{row.pk}/remove",
        ):
            assert browser.post(path, {"role": "admin"}).status_code == 404
        path = f"/api/teams/{team.pk}/members/{row.user_id}"
        assert send(browser, "patch", path, {"role": "admin"}).status_code == 404
        assert send(browser, "delete", path).status_code == 404
    assert rows() == before


def test_no_body_names_another_owner_than_the_address(world, as_user):
    """A12, A13: on create and on change; the id in the body is passed over or refused."""
    browser, before = as_user(world.team_admin), rows()
    project = f"/api/projects/{world.project.pk}"
    for body in ({"team": world.beta.pk}, {"id": world.other_project.pk}, {"created_by": 1}):
        assert send(browser, "patch", project, body).status_code == 200
    for body in ({"llm": world.other_llm.pk}, {"llm": int(MISSING)}):
        assert send(browser, "patch", project, body).status_code == 400
    for user in (world.outsider.pk, int(MISSING)):
        assert send(browser, "post", f"{project}/members", {"user": user}).status_code == 400
    after = rows()
    for found in (before, after):
        for row in found[Project]:
            row.pop("updated_at")
    assert after == before


def test_one_credential_is_never_answered_what_was_kept_for_another(world, as_user):
    """A11: asked in turns by people of both teams, everybody sees what is theirs."""
    paths = ("/api/projects", "/api/teams", "/api/llms", "/v1/models", "/projects", "/search?q=a")
    mine, theirs = as_user(world.team_admin), as_user(world.outsider_admin)
    for _ in range(2):
        for path in paths:
            own, other = (browser.get(path).content.decode() for browser in (mine, theirs))
            for page, foreign in (
                (own, ("Beta", "Other", "beta-")),
                (other, ("Alpha", "Private", "alpha-")),
            ):
                assert not [word for word in foreign if word in page], path


def test_whoever_is_removed_has_nothing_left_by_any_credential(mailbox, world, as_user, api_as):
    """A14: a session and keys of every kind stop at the next request."""
    person = world.editor
    limits = ({}, {"scope": "chat"}, {"scope": "read"}, {"project_ids": [world.project.pk]})
    more = ({"team_id": world.alpha.pk},)
    keys = [make_key(person, **limit)[1] for limit in (*limits, *more)]
    clients = [as_user(person), *(AuditedAPIClient().with_key(key) for key in keys)]
    path = f"/api/projects/{world.project.pk}"
    assert {client.get(path).status_code for client in clients} == {200}
    membership = Membership.objects.get(user=person)
    as_user(world.team_admin).delete(f"/api/teams/{world.alpha.pk}/members/{person.pk}")
    assert not Membership.objects.filter(pk=membership.pk).exists()
    assert {client.get(path).status_code for client in clients} == {404}
    for client in clients:
        assert [one["id"] for one in client.get("/v1/models").json()["data"]] == []


# --- B: who may do it ----------------------------------------------------------------------------

TRUSTED_LOOKING = {
    "X-Forwarded-User": "platform-admin@example.org",
    "X-Remote-User": "platform-admin@example.org",
    "Remote-User": "platform-admin@example.org",
    "X-User-Id": "1",
    "X-Request-From": "internal",
    "X-Original-URL": "/api/teams",
    "X-Rewrite-URL": "/api/teams",
    "X-Impersonate": "platform-admin@example.org",
    "X-Team-Id": "1",
}
OVERRIDES = ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method")
SWITCHES = (
    *("bypass_filter=true", "admin=1", "debug=1", "include_deleted=1", "all=true"),
    *("is_admin=true", "as=platform-admin@example.org", "user=1", "show_all=1", "force=1"),
)
READ = ("/api/teams", "/api/projects", "/api/users", "/api/audit", "/api/usage", "/api/keys")


@pytest.mark.parametrize("header", TRUSTED_LOOKING)
def test_a_header_that_looks_trusted_changes_no_answer(world, as_user, client, header):
    """B21."""
    sent = {header: TRUSTED_LOOKING[header]}
    for browser in (client, as_user(world.member)):
        for path in (*READ, f"/api/teams/{world.beta.pk}", f"/api/projects/{world.project.pk}"):
            plain, with_header = browser.get(path), browser.get(path, headers=sent)
            assert plain.status_code == with_header.status_code
            if plain.status_code == 200:
                assert plain.json() == with_header.json()


@pytest.mark.parametrize(
    "override", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"]
)
def test_no_header_or_field_makes_another_method_of_a_request(world, as_user, override):
    """B21."""
    before = rows()
    browser, path = as_user(world.team_admin), f"/api/projects/{world.project.pk}"
    browser.get(path, headers={override: "DELETE"})
    browser.get(f"{path}?_method=DELETE")
    browser.post(path, {"_method": "DELETE"}, headers={override: "DELETE"})
    browser.post(f"{path}?_method=DELETE")
    assert rows() == before


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_in_the_query_widens_nothing(world, as_user, switch):
    """B22."""
    for user in (world.member, world.team_admin, world.outsider):
        browser = as_user(user)
        for path in READ:
            plain, switched = browser.get(path), browser.get(f"{path}?{switch}")
            if switch == "user=1" and path == "/api/usage":
                continue
            assert switched.status_code == plain.status_code
            if plain.status_code == 200:
                assert switched.json()["results"] == plain.json()["results"]


def test_reading_methods_write_nothing_and_trace_is_not_there(world, as_user):
    """B23."""
    before = rows()
    browser = as_user(world.team_admin)
    paths = [
        f"/api/teams/{world.alpha.pk}",
        f"/api/projects/{world.project.pk}",
        f"/api/projects/{world.project.pk}/move",
        f"/projects/{world.project.pk}/move",
        f"/teams/{world.alpha.pk}/delete",
        f"/projects/{world.project.pk}/delete",
    ]
    for path in paths:
        for method in ("head", "options", "get"):
            getattr(browser, method)(path)
        assert browser.trace(path).status_code == 405
    assert rows() == before


@pytest.mark.parametrize("role", ["restricted", "viewer", "member"])
def test_who_may_not_create_does_not_change_move_restore_or_delete_either(
    mailbox, world, as_user, role
):
    """B16, B29: by the API as well, whatever the pages show."""
    person = make_user("restricted", is_restricted=True)
    add_member(world.alpha, person, role="admin", actor=SYSTEM)
    browser = as_user(person if role == "restricted" else getattr(world, role))
    invitation = invite_to_team(world.alpha, email="x@example.org", actor=acting(world.team_admin))
    before = rows()
    project, team = f"/api/projects/{world.project.pk}", f"/api/teams/{world.alpha.pk}"
    new = {"name": "x", "team": world.alpha.pk, "llm": world.llm.pk}
    for method, path, body in (
        ("post", "/api/teams", {"name": "x"}),
        ("patch", team, {"name": "x"}),
        ("delete", team, None),
        ("patch", f"{team}/grants", {"llms": []}),
        ("post", f"{team}/members", {"email": "x@example.org"}),
        ("patch", f"{team}/members/{world.editor.pk}", {"role": "admin"}),
        ("delete", f"{team}/members/{world.editor.pk}", None),
        ("post", f"{team}/invitations", {"email": "y@example.org"}),
        ("delete", f"{team}/invitations/{invitation.pk}", None),
        ("post", f"{team}/invitations/{invitation.pk}/resend", None),
        ("post", "/api/projects", new),
        ("patch", project, {"name": "x"}),
        ("delete", project, None),
        ("post", f"{project}/move", {"team": world.alpha.pk}),
        ("post", f"{project}/prompt-versions", {"text": "x"}),
        ("post", f"{project}/prompt-versions/1/restore", None),
        ("post", f"{project}/members", {"user": world.member.pk}),
        ("post", f"{project}/invitations", {"email": "y@example.org"}),
        ("post", f"{project}/secrets", {"name": "X", "value": "x"}),
    ):
        answer = send(browser, method, path, body)
        assert answer.status_code in {403, 404}, f"{method} {path}: {answer.status_code}"
    assert rows() == before


def test_a_team_admin_reaches_nothing_of_the_platforms(world, as_user):
    """B19, B20, B24."""
    browser, before = as_user(world.team_admin), rows()
    for method, path in (
        ("patch", "/api/settings/mail"),
        ("patch", "/api/settings/teams"),
        ("get", "/api/settings"),
        ("post", "/api/settings/mail/test"),
        ("post", f"/api/providers/{world.provider.pk}/test"),
        ("post", "/api/providers"),
        ("get", "/api/providers"),
        ("delete", f"/api/users/{world.platform_admin.pk}"),
        ("patch", f"/api/users/{world.outsider.pk}"),
        ("post", "/api/auth/impersonation"),
        ("get", "/api/audit"),
        ("post", "/api/auth/group-mappings"),
    ):
        body = {"is_platform_admin": True, "user": world.outsider.pk, "reason": "A good reason"}
        answer = send(browser, method, path, body)
        assert answer.status_code in {403, 404, 405}, f"{method} {path}: {answer.status_code}"
    assert rows() == before


def test_who_is_in_no_team_sees_nobody_and_nothing(world, as_user):
    browser = as_user(make_user("stranger"))
    for path in ("/api/teams", "/api/projects", "/api/llms", "/api/usage", "/api/invitations"):
        assert browser.get(path).json()["results"] == []
    assert browser.get("/v1/models").json()["data"] == []
    assert create_team(name="Third", actor=SYSTEM).memberships.count() == 0
