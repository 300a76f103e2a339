"""A scope holds on every route, however a key is sent and however the address is spelled."""

import logging
from http.client import HTTPConnection

import pytest
from django.urls import get_resolver, resolve

from accounts.models import ApiKey, Session, User
from accounts.route_rules import (
    ANSWERS,
    CHAT_READS,
    CHAT_WRITES,
    CREDENTIALS,
    ENROLMENT,
    RESTRICTED_WRITES,
)
from accounts.services import rotate_api_key
from audit.models import Entry
from projects.models import Project, ProjectMember
from restai_site.tests.access.expectations import is_there
from restai_site.tests.access.routes import METHODS, all_routes
from restai_site.tests.access.stage import make_stage
from restai_site.tests.access.walk import Walker, checksums, empty_cache
from restai_site.tests.canaries import CanaryHandler
from restai_site.tests.clients import AuditedAPIClient
from restai_site.tests.world import acting, make_key, make_world
from teams.models import Membership

SAFE = {"GET", "HEAD", "OPTIONS"}
# Rules that stand before what they rule.
NOT_BUILT_YET = {"accounts:enrol", "accounts:sessions", "session-list", "session-detail"}
HEADERS = {
    "bearer": lambda key: {"Authorization": f"Bearer {key}"},
    "lower case": lambda key: {"authorization": f"bearer {key}"},
    "x-api-key": lambda key: {"X-API-Key": key},
}


def send(method: str, path: str, headers: dict, **content):
    client = AuditedAPIClient()
    return client.generic(method, path, headers=headers, **content)


# --- Transports ----------------------------------------------------------------------------------


@pytest.mark.parametrize("header", HEADERS)
def test_each_header_carries_the_same_rights(world, header):
    def status(method, path, **limits):
        key = make_key(world.team_admin, **limits)[1]
        return send(method, path, HEADERS[header](key)).status_code

    project = f"/api/projects/{world.project.pk}"
    other = f"/api/projects/{world.shared_project.pk}"
    assert status("GET", project) == 200
    assert status("DELETE", project, scope="read") == 403
    assert status("GET", project, scope="read") == 200
    assert status("GET", "/api/usage", scope="chat") == 403
    assert status("GET", "/v1/models", scope="chat") == 200
    assert status("GET", other, project_ids=[world.project.pk]) == 404
    assert status("POST", "/api/keys") == 403
    assert status("GET", "/profile") == 403
    assert Project.objects.count() == 3


@pytest.mark.parametrize("path", ["/api/me", "/v1/models"])
def test_two_credentials_at_once_are_refused_even_where_both_hold(world, path):
    first, second = make_key(world.viewer)[1], make_key(world.viewer)[1]
    for authorization in (f"Bearer {first}", f"Bearer {second}", "Basic YTpi", "Bearer x"):
        headers = {"Authorization": authorization, "X-API-Key": first}
        assert send("GET", path, headers).status_code == 401
    assert send("GET", path, {"X-API-Key": first}).status_code == 200


@pytest.mark.parametrize("name", ["api_key", "key", "token", "access_token", "x-api-key"])
def test_a_key_in_a_query_or_a_form_is_no_credential(world, client, name):
    key = make_key(world.viewer)[1]
    assert client.get("/v1/models", {name: key}).status_code == 401
    assert client.post("/api/keys", {name: key}).status_code == 401
    client.cookies[name] = key
    assert client.get("/api/me").status_code == 401


@pytest.mark.parametrize("header", ["bearer", "x-api-key"])
@pytest.mark.parametrize(
    "change",
    [
        lambda key, plaintext: "",
        lambda key, plaintext: plaintext[:8],
        lambda key, plaintext: plaintext + " ",
        lambda key, plaintext: plaintext + "\t",
        lambda key, plaintext: key.digest,
        lambda key, plaintext: "rk_" + key.digest[:43],
        lambda key, plaintext: plaintext * 400,
        lambda key, plaintext: "x" * 100_000,
        lambda key, plaintext: plaintext.replace("rk_", "RK_"),
        lambda key, plaintext: "' OR '1'='1",
        lambda key, plaintext: ("'; DROP TABLE accounts_apikey; --" + "x" * 46)[:46],
        lambda key, plaintext: ("%' OR digest LIKE '%" + "x" * 46)[:46],
        lambda key, plaintext: "\u0131" + plaintext[1:],
        lambda key, plaintext: "rk_" + "\x00" * 43,
    ],
)
def test_what_is_not_the_key_is_refused_in_either_header(world, header, change):
    key, plaintext = make_key(world.viewer)
    answer = send("GET", "/api/me", HEADERS[header](change(key, plaintext)))
    assert answer.status_code == 401
    assert ApiKey.objects.filter(last_used_at=None).count() == 1


def test_the_digest_of_the_secret_before_is_no_key_either(world):
    key, _ = make_key(world.viewer)
    old = key.digest
    rotate_api_key(key, actor=acting(world.viewer))
    for text in (old, f"rk_{old[:43]}"):
        assert send("GET", "/api/me", {"X-API-Key": text}).status_code == 401


def test_guessing_keys_is_limited_by_address_and_a_key_that_holds_is_not(world, settings):
    key = make_key(world.viewer)[1]
    guess = {"X-API-Key": "rk_" + "x" * 43}
    statuses = [send("GET", "/api/me", guess).status_code for _ in range(52)]
    assert (statuses[:50], statuses[50:]) == ([401] * 50, [429] * 2)
    assert send("GET", "/api/me", {"X-API-Key": key}).status_code == 200


# --- Every route ---------------------------------------------------------------------------------


def test_a_read_only_key_of_an_administrator_writes_nothing_anywhere(walker):
    """Neither by a method that writes, nor by one that reads."""
    world = walker.stage.world
    key = make_key(world.platform_admin, scope="read")[1]
    walker.browsers["read_admin"] = AuditedAPIClient(
        headers={"Authorization": f"Bearer {key}"}, raise_request_exception=False
    )
    answered = {200: 0, 403: 0}
    for route in all_routes():
        empty_cache()
        values = walker.stage.values(route)
        for method in METHODS:
            if not is_there(route.path, method):
                continue
            answer = walker.send("read_admin", method, route, values)
            request = f"{method} {route.path}"
            assert not answer.changed, f"{request} wrote {answer.writes}"
            if route.is_json and method not in SAFE:
                public = walker.send("anonymous", method, route, values).status < 400
                assert 400 <= answer.status < 500 or public, f"{request}: {answer.status}"
            answered[answer.status] = answered.get(answer.status, 0) + 1
    assert min(answered[200], answered[403]) > 50


def test_a_restricted_editor_writes_nothing_anywhere_but_what_the_one_rule_names(walker):
    """By a key, which carries the restriction of its owner."""
    world = walker.stage.world
    for project in (world.project, world.shared_project):
        ProjectMember.objects.update_or_create(
            project=project, user=world.editor, defaults={"role": "editor"}
        )
    Membership.objects.filter(user=world.editor).update(role="admin")
    key = make_key(world.editor)[1]
    User.objects.filter(pk=world.editor.pk).update(is_restricted=True)
    walker.before = checksums()
    walker.browsers["restricted_key"] = AuditedAPIClient(
        headers={"Authorization": f"Bearer {key}"}, raise_request_exception=False
    )
    refused = 0
    for route in all_routes():
        empty_cache()
        values = walker.stage.values(route)
        for method in METHODS:
            if not is_there(route.path, method):
                continue
            answer = walker.send("restricted_key", method, route, values)
            name = resolve(route.filled(values)).view_name
            request = f"{method} {route.path}"
            assert not answer.changed or name in RESTRICTED_WRITES, f"{request} wrote"
            if route.is_json and method not in SAFE and name not in RESTRICTED_WRITES:
                public = walker.send("anonymous", method, route, values).status < 400
                assert 400 <= answer.status < 500 or public, f"{request}: {answer.status}"
                refused += answer.status == 403
    assert refused > 50


@pytest.fixture
def walker(db):
    handler, root = CanaryHandler(), logging.getLogger()
    root.addHandler(handler)
    yield Walker(make_stage(), handler)
    root.removeHandler(handler)


def test_every_route_that_a_rule_names_is_there():
    """A route that was renamed would fall out of its rule unseen."""
    named = ANSWERS | CREDENTIALS | CHAT_WRITES | CHAT_READS | RESTRICTED_WRITES | ENROLMENT
    assert named - _names() <= NOT_BUILT_YET


def _names() -> set[str]:
    found = set()

    def walk(entries, space):
        for entry in entries:
            if hasattr(entry, "url_patterns"):
                inner = f"{space}{entry.namespace}:" if entry.namespace else space
                walk(entry.url_patterns, inner)
            elif entry.name:
                found.add(f"{space}{entry.name}")

    walk(get_resolver().url_patterns, "")
    return found


# --- Spellings of an address, on a real server ---------------------------------------------------

TRICKS = [
    *("/{0}", "//{0}", "/./{0}", "/x/../{0}", "/{0}/", "/{0}//", "/{0}/.", "/{0}.json"),
    *("/{0};x", "/{0};x=1", "/;x/{0}", "/{0}%20", "/{0}%00", "/{0}%0a", "/{0}?", "/{0}#x"),
    *("/%2e/{0}", "/x/%2e%2e/{0}", "/%2f{0}", "/{0}%2f", "/{0}%3b", "/{0}/%2e", "/v1/../{0}"),
    *("/v1/models/../../{0}", "/v1/models/%2e%2e/%2e%2e/{0}", "/static/../{0}", "\\{0}"),
]


def spellings(path: str) -> list[str]:
    plain = path.lstrip("/")
    found = [trick.format(plain) for trick in TRICKS]
    first, _, rest = plain.partition("/")
    found += [f"/{first}%2f{rest}", f"/{first}%2F{rest}", f"/{first}\\{rest}", f"/{first}//{rest}"]
    found += [f"/{plain.upper()}", f"/{first.upper()}/{rest}", f"/%61{plain[1:]}"]
    return [*found, f"http://127.0.0.1/{plain}", f"//evil.example/{plain}"]


def raw(server, method: str, target: str, key: str, body: str = "{}") -> int:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        connection.putheader("Authorization", f"Bearer {key}")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body.encode())
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_no_spelling_of_an_address_gets_around_a_scope(transactional_db, server):
    world = make_world()
    reader = make_key(world.team_admin, scope="read")[1]
    chatter = make_key(world.team_admin, scope="chat")[1]
    narrow = make_key(world.team_admin, project_ids=[world.project.pk])[1]
    full = make_key(world.team_admin)[1]
    entries, sessions = Entry.objects.acts().count(), Session.objects.count()
    refused = {400, 401, 403, 404, 405}
    shared = f"/api/projects/{world.shared_project.pk}"
    attempts = [
        ("DELETE", shared, reader),
        ("PATCH", shared, reader),
        ("GET", "/api/usage", chatter),
        ("DELETE", shared, chatter),
        ("GET", shared, narrow),
        ("DELETE", shared, narrow),
        ("GET", "/api/keys", full),
        ("POST", "/api/keys", full),
        ("GET", "/profile/keys", full),
        ("POST", "/profile/keys", full),
    ]
    for method, path, key in attempts:
        for target in spellings(path):
            status = raw(server, method, target, key, '{"name": "x"}')
            assert status in refused, f"{method} {target}: {status}"
    assert Entry.objects.acts().count() == entries
    assert Session.objects.count() == sessions
    assert ApiKey.objects.count() == 4
    assert Project.objects.filter(name="Shared").exists()
    # The plain spellings are served to those who may.
    assert raw(server, "GET", shared, full) == 200
    assert raw(server, "GET", "/api/usage", reader) == 200
