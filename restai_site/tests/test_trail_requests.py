"""Each request that may change something leaves one entry, however it ends, and who sent it.

The shared test clients count the entries of every request of every test, the walk over all routes,
methods and roles among them (restai_site/tests/access). Here is what stands in them.
"""

import json
from base64 import b64encode
from contextlib import closing, contextmanager
from http.client import HTTPConnection

import pytest
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.test import Client

from accounts.models import User
from audit.models import Entry
from inference.tests.sockets import ask
from projects.models import Project
from restai_site.tests.clients import AuditedClient, start_session
from restai_site.tests.waiting import eventually, waiters_for_locks
from restai_site.tests.world import acting, make_key
from restai_site.trail import requests
from teams.models import Team
from widget.services import create_widget

JSON = "application/json"
PASSWORD = "correct horse battery staple 42"
# The trail tells how the cast came to be.
pytestmark = pytest.mark.usefixtures("world_by_services")


def last() -> Entry:
    return Entry.objects.filter(action__startswith="request.").latest("id")


def rename(browser, team, name="Renamed"):
    return browser.patch(f"/api/teams/{team.pk}", {"name": name}, content_type=JSON)


# --- Who, what and how it ended -------------------------------------------------------------------


def test_a_change_leaves_who_what_and_where(world, as_user):
    browser = as_user(world.team_admin)
    answer = browser.patch(
        f"/api/teams/{world.alpha.pk}?name=hidden",
        {"name": "Renamed"},
        content_type=JSON,
        REMOTE_ADDR="192.0.2.9",
        headers={"User-Agent": "curl/8", "X-Request-ID": "request-of-ours"},
    )
    assert answer.status_code == 200
    entry = last()
    assert (entry.actor_id, entry.actor_email) == (world.team_admin.pk, world.team_admin.email)
    assert (entry.credential, entry.action, entry.status) == ("session", "request.patch", 200)
    assert (entry.target_type, entry.target_id) == ("route", "team-detail")
    assert entry.target_name == f"/api/teams/{world.alpha.pk}"
    assert (entry.ip, entry.user_agent) == ("192.0.2.9", "curl/8")
    assert entry.request_id == answer["X-Request-ID"] == "request-of-ours"
    change = Entry.objects.acts().latest("id")
    assert (change.action, change.request_id) == ("team.update", entry.request_id)


def test_a_key_and_a_password_are_named_as_what_they_are(world, api):
    key, plaintext = make_key(world.team_admin)
    assert rename(api.with_key(plaintext), world.alpha).status_code == 200
    assert (last().credential, last().actor_id) == (f"key:{key.pk}", world.team_admin.pk)
    world.team_admin.set_password(PASSWORD)
    world.team_admin.save()
    login = b64encode(f"{world.team_admin.email}:{PASSWORD}".encode()).decode()
    api.credentials(HTTP_AUTHORIZATION=f"Basic {login}")
    assert rename(api, world.alpha, "Again").status_code == 200
    assert (last().credential, last().actor_id) == ("basic", world.team_admin.pk)


def test_an_impersonation_names_both(world):
    browser = AuditedClient()
    browser.force_login(world.team_admin, impersonator=world.platform_admin)
    assert rename(browser, world.alpha).status_code == 200
    entry = last()
    assert entry.actor_email == world.team_admin.email
    assert entry.impersonator_email == world.platform_admin.email
    assert entry.impersonator_id == world.platform_admin.pk


@pytest.mark.parametrize("path", ["/", "/projects/{project}/chat", "/api/conversations"])
def test_whatever_is_looked_at_in_somebodys_name_is_recorded(world, path):
    browser = AuditedClient()
    browser.force_login(world.team_admin, impersonator=world.platform_admin)
    path = path.format(project=world.project.pk)
    assert browser.get(path).status_code in {200, 302}
    entry = last()
    assert (entry.action, entry.target_name) == ("request.read", path)
    assert (entry.actor_id, entry.impersonator_id) == (world.team_admin.pk, world.platform_admin.pk)
    count = Entry.objects.count()
    browser.get("/static/none.css")
    browser.get("/health/live")
    assert Entry.objects.count() == count


def test_whoever_is_refused_is_named(world, as_user, api):
    assert rename(as_user(world.outsider_admin), world.alpha).status_code == 404
    assert (last().status, last().actor_id) == (404, world.outsider_admin.pk)
    assert rename(as_user(world.viewer), world.alpha).status_code == 403
    assert (last().status, last().actor_id) == (403, world.viewer.pk)
    # Also where the credential itself does not reach so far.
    reading = make_key(world.team_admin, scope="read")
    assert rename(api.with_key(reading[1]), world.alpha).status_code == 403
    assert last().credential == f"key:{reading[0].pk}"
    world.team_admin.is_restricted = True
    world.team_admin.save()
    assert rename(as_user(world.team_admin), world.alpha).status_code == 403
    assert last().actor_id == world.team_admin.pk


def test_a_page_of_another_site_is_refused_and_recorded(world):
    browser = Client(enforce_csrf_checks=True)
    browser.cookies[settings.SESSION_COOKIE_NAME] = start_session(world.team_admin)
    for path in ("/teams/new", "/profile/theme"):
        assert browser.post(path, {"name": "Theirs"}).status_code == 403
        assert (last().status, last().actor_id) == (403, world.team_admin.pk), path


def test_whoever_proves_nothing_is_nobody(world, api):
    suspended = AuditedClient()
    suspended.force_login(world.team_admin)
    User.objects.filter(pk=world.team_admin.pk).update(is_active=False)
    wrong = make_key(world.editor)[1][:-1] + "x"
    for client in (api, suspended, AuditedClient(headers={"Authorization": f"Bearer {wrong}"})):
        assert rename(client, world.alpha).status_code == 401
        entry = last()
        assert (entry.status, entry.actor_id, entry.actor_email) == (401, None, "")
        assert entry.credential == "none"


@pytest.mark.parametrize(
    ("method", "path", "status", "route", "address"),
    [
        ("post", "/nothing-here", 404, "", "no such address"),
        ("post", "/api/nothing", 404, "restai_site.api.views.no_such_address", "/api/…"),
        ("put", "/api/teams", 405, "team-list", "/api/teams"),
        ("trace", "/login", 405, "accounts:login", "/login"),
        ("post", "/api/teams/999999", 405, "team-detail", "/api/teams/999999"),
    ],
)
def test_what_leads_nowhere_is_recorded(world, as_user, method, path, status, route, address):
    browser = as_user(world.viewer)
    assert getattr(browser, method)(path).status_code == status
    entry = last()
    assert (entry.status, entry.target_id, entry.target_name) == (status, route, address)


def test_a_body_over_the_limit_and_a_foreign_host_name_are_recorded(world, as_user):
    browser = as_user(world.team_admin)
    too_long = "x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    assert browser.post("/api/teams", too_long, content_type=JSON).status_code == 413
    assert (last().status, last().target_id) == (413, "team-list")
    assert browser.post("/api/teams", {}, headers={"Host": "evil.example"}).status_code == 400
    assert (last().status, last().target_id) == (400, "team-list")


def test_a_failure_is_recorded(world, as_user):
    browser = as_user(world.team_admin)
    browser.raise_request_exception = False
    with broken("teams_team"):
        assert rename(browser, world.alpha).status_code == 500
    entry = last()
    assert (entry.status, entry.actor_id) == (500, world.team_admin.pk)


def test_logging_in_and_out_is_recorded_without_what_was_typed(world, client):
    world.viewer.set_password(PASSWORD)
    world.viewer.save()
    form = {"email": world.viewer.email, "password": "wrong " + PASSWORD}
    refused = client.post("/login", form)
    assert (last().actor_id, last().status) == (None, refused.status_code)
    assert client.post("/login", form | {"password": PASSWORD}).status_code == 302
    assert (last().actor_id, last().target_id) == (world.viewer.pk, "accounts:login")
    assert client.post("/logout").status_code == 302
    assert (last().actor_id, last().target_id) == (world.viewer.pk, "accounts:logout")
    assert PASSWORD not in json.dumps(list(Entry.objects.values()), default=str)


@pytest.mark.parametrize(
    "path", ["/password/reset/{}", "/invitation/{}", "/email/{}", "/setup/{}", "/invitations/{}"]
)
def test_tokens_in_addresses_are_left_out(world, client, path):
    token = "Zm9yIGV5ZXMgb2YgdGhlIHJlY2lwaWVudCBvbmx5"
    client.post(path.format(token))
    assert last().target_name == path.format("…")
    assert token not in json.dumps(list(Entry.objects.values()), default=str)


# --- Reads, and calls of models -------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *("/audit", "/api/audit", "/audit/{entry}", "/guards/events", "/api/guards/events"),
        *("/projects/{project}/log", "/api/projects/{project}/log", "/api/analytics.csv"),
        *("{widgets}/{widget}/feedback", "/api{widgets}/{widget}/feedback"),
    ],
)
def test_reading_what_is_sensitive_is_recorded(world, as_user, path):
    browser = as_user(world.platform_admin)
    widget, _ = create_widget(world.project, name="Shop", actor=acting(world.platform_admin))
    path = path.format(
        entry=Entry.objects.acts().latest("id").pk,
        project=world.project.pk,
        widgets=f"/projects/{world.project.pk}/widgets",
        widget=widget.pk,
    )
    assert browser.get(path).status_code == 200
    entry = last()
    assert (entry.action, entry.actor_id) == ("request.read", world.platform_admin.pk)
    assert entry.target_name == path


def test_reading_anything_else_leaves_nothing(world, as_user):
    browser = as_user(world.platform_admin)
    before = Entry.objects.count()
    for path in ("/", "/teams", "/api/teams", "/health/live", "/health/ready", "/static/none.css"):
        browser.get(path)
    Client().post("/health/live")
    assert Entry.objects.count() == before


def test_the_names_of_routes_are_those_of_routes():
    from restai_site.tests.access.routes import route_names

    assert route_names() >= requests.MODEL_CALLS
    assert route_names() >= requests.SENSITIVE_READS


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/api/projects/1/chat"])
def test_a_call_of_a_model_that_is_refused_is_recorded(world, api, path):
    body = {"model": "none", "input": "x", "messages": [{"role": "user", "content": "x"}]}
    assert api.post(path, body | {"message": "x"}, format="json").status_code in {400, 401}
    assert (last().action, last().target_name) == ("request.post", path)
    # Whose key it is stands there also where the body was refused before anybody asked.
    assert api.with_key(make_key(world.editor)[1]).post(path, {}, format="json").status_code == 400
    assert (last().status, last().actor_id) == (400, world.editor.pk)


@pytest.fixture
def left(db):
    """Return a function: the entries of an action since now, in their order."""
    newest = Entry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0

    def found(action):
        return Entry.objects.filter(action=action, pk__gt=newest).order_by("pk")

    return found


# --- Floods ---------------------------------------------------------------------------------------


def test_a_flood_of_strangers_leaves_few_entries_and_says_so(world, floods, left):
    stranger = Client(REMOTE_ADDR="192.0.2.66")
    for _ in range(requests.UNKNOWN_REFUSALS_MAX + 5):
        assert stranger.post("/api/teams").status_code == 401
    told = [entry.changes for entry in left("request.post")]
    assert len(told) == requests.UNKNOWN_REFUSALS_MAX
    assert told == [{}] * (len(told) - 1) + [{"flood": requests.FLOOD}]
    # What others do, and what is refused for another reason, is recorded as before.
    assert Client(REMOTE_ADDR="192.0.2.67").post("/api/teams").status_code == 401
    assert (last().ip, last().changes) == ("192.0.2.67", {})
    assert stranger.put("/api/teams").status_code == 401
    assert last().action == "request.put"


def test_strangers_from_everywhere_are_bounded_together(world, floods, left, monkeypatch):
    monkeypatch.setattr(requests, "ALL_UNKNOWN_REFUSALS_MAX", 10)
    for number in range(15):
        Client(REMOTE_ADDR=f"198.51.100.{number}").post("/api/teams")
    assert left("request.post").count() == 10


def test_what_people_are_refused_is_bounded_and_what_they_change_is_not(
    world, as_user, floods, left, monkeypatch
):
    monkeypatch.setattr(requests, "REFUSALS_MAX", 3)
    browser = Client()
    browser.cookies[settings.SESSION_COOKIE_NAME] = start_session(world.team_admin)
    for _ in range(5):
        assert rename(browser, world.beta).status_code == 404
    assert left("request.patch").count() == 3
    for number in range(5):
        assert rename(browser, world.alpha, f"Name {number}").status_code == 200
    assert left("request.patch").count() == 8


def test_where_redis_does_not_count_each_refusal_is_recorded(world, floods, left, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    stranger = Client()
    for _ in range(requests.UNKNOWN_REFUSALS_MAX + 5):
        stranger.post("/api/teams")
    count = left("request.post").count()
    assert count == requests.UNKNOWN_REFUSALS_MAX + 5


# --- Where the trail cannot be written ------------------------------------------------------------


@contextmanager
def broken(table="audit_entry"):
    """Let the database refuse to write to a table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION no_writes() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device'; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER no_writes BEFORE INSERT OR UPDATE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION no_writes()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER no_writes ON {table}")


@pytest.fixture
def unaudited(world):
    """A browser and a program that do not expect entries, as there can be none."""

    def clients(user):
        browser = Client()
        browser.cookies[settings.SESSION_COOKIE_NAME] = start_session(user)
        program = Client(headers={"Authorization": f"Bearer {make_key(user)[1]}"})
        return browser, program

    return clients


def test_nothing_is_changed_where_the_trail_cannot_be_written(world, unaudited):
    browser, program = unaudited(world.platform_admin)
    rows = list(Team.objects.values()), list(Project.objects.values()), list(User.objects.values())
    with broken():
        for client in (browser, program):
            answer = rename(client, world.alpha)
            assert answer.status_code == 503
            assert answer.json()["code"] == "audit_unavailable"
            assert "audit trail" in answer.json()["detail"]
        page = browser.post("/teams/new", {"name": "Gamma"})
        assert page.status_code == 503
        assert "audit trail" in page.content.decode()
        assert browser.post(f"/admin/teams/team/{world.alpha.pk}/delete/").status_code == 503
        stranger = Client().post("/login", {"email": world.viewer.email, "password": "x"})
        assert stranger.status_code == 503
        assert Client().post("/v1/embeddings").json()["error"]["code"] == "audit_unavailable"
        # What is sensitive is not shown either, what is not is.
        assert browser.get("/audit").status_code == 503
        assert browser.get("/teams").status_code == 200
    now = list(Team.objects.values()), list(Project.objects.values()), list(User.objects.values())
    assert now == rows
    assert rename(browser, world.alpha).status_code == 200


def test_where_nobody_can_say_who_it_was_the_answer_is_503(world, unaudited, monkeypatch):
    def away(request):
        raise OperationalError("the server closed the connection unexpectedly")

    browser, _ = unaudited(world.team_admin)
    monkeypatch.setattr(requests, "sender", away)
    answer = browser.post("/api/nothing")
    assert (answer.status_code, answer.json()["code"]) == (503, "audit_unavailable")
    assert "closed the connection" not in answer.content.decode()


# --- On a real server -----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_client_that_leaves_while_it_is_served_is_recorded(server, world, transactional_db):
    key = make_key(world.team_admin)[1]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": JSON}

    with transaction.atomic():
        Team.objects.select_for_update().get(pk=world.alpha.pk)
        with closing(HTTPConnection("127.0.0.1", server.port)) as leaving:
            leaving.request("PATCH", f"/api/teams/{world.alpha.pk}", '{"name": "Left"}', headers)
            # Not before it is being served: what has not begun leaves nothing.
            eventually(waiters_for_locks, seconds=60)
        eventually(Entry.objects.filter(action="request.patch").exists, seconds=20)
    entry = last()
    assert (entry.status, entry.actor_id) == (499, world.team_admin.pk)
    # The work went on without its client, and its own entry with it.
    eventually(Team.objects.filter(name="Left").exists, seconds=20)
    change = Entry.objects.acts().latest("id")
    assert (change.action, change.request_id) == ("team.update", entry.request_id)


@pytest.mark.django_db(transaction=True)
def test_refused_calls_of_models_are_recorded_by_the_server(server, world, transactional_db):
    body = {"model": "x", "messages": [{"role": "user", "content": "x"}]}
    assert ask(server, "rk_wrong", body)[0] == 401
    assert (last().status, last().target_id) == (401, "openai:chat-completions")
    assert ask(server, make_key(world.editor)[1], {"model": "x", "messages": []})[0] in {400, 404}
    assert last().actor_id == world.editor.pk
