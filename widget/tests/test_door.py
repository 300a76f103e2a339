"""The one door: the origin, the key, and what is told to whom. Each address of a widget has it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from accounts.models import ApiKey
from accounts.route_rules import WIDGET_WRITES
from accounts.services import suspend_user
from projects.services import delete_project, move_project
from restai_site.tests.access.routes import PLACE, all_routes
from restai_site.tests.clients import AuditedClient
from restai_site.tests.cors import cors_headers
from restai_site.tests.world import SYSTEM, acting, make_key
from teams.models import Membership
from teams.services import remove_member
from widget.models import VisitorSession, Widget
from widget.services import create_widget, delete_widget, renew_key, update_widget
from widget.tests.conftest import SITE, Page
from widget.tests.test_origins import REFUSED

ADDRESSES = ["config", "session", "chat", "conversation", "conversations", "feedback"]
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-widget-session",
}
OWN = "http://testserver"
# What a header can hold.
SENT = [one for one in REFUSED if one.isascii() and one.isprintable()]
BODIES = {
    "/api/projects/{project}/chat": {"message": "Hello"},
    "/v1/chat/completions": {"model": "alpha-llm", "messages": [{"role": "user", "content": "x"}]},
    "/v1/embeddings": {"model": "alpha-embedding", "input": "x"},
}


def test_these_are_all_addresses_of_a_widget():
    names = {one.name for one in get_resolver("widget.urls").url_patterns}
    assert names == {*ADDRESSES, "script", "script_version", "frame"}
    assert {f"widget:{name}" for name in ADDRESSES} == WIDGET_WRITES


@pytest.mark.parametrize("what", ADDRESSES)
@pytest.mark.parametrize("origin", [None, *SENT])
def test_refused_origins_get_nothing_at_any_address(page, what, origin):
    update_widget(page.widget, {"allowed_origins": ["https://example.com"]}, actor=SYSTEM)
    page.origin = origin
    answer = page.ask(what, {"message": "Hello"})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")
    assert cors_headers(answer.headers) == []
    assert "origin" in answer["Vary"].lower()


@pytest.mark.parametrize("what", ADDRESSES)
def test_a_referer_opens_nothing(page, what):
    page.origin = None
    assert page.ask(what, Referer=f"{SITE}/page").status_code == 403


def test_a_new_widget_lets_no_website_in_but_our_own(world):
    made, key = create_widget(world.project, name="New", actor=acting(world.editor))
    assert made.allowed_origins == []
    assert Page(made, key).ask("config").status_code == 403
    answer = Page(made, key, origin=OWN).ask("config")
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == OWN


@pytest.mark.parametrize("what", ADDRESSES)
def test_preflights_are_answered_to_listed_origins_alone(page, what):
    client = Client()
    answer = client.options(page.path(what), headers={"Origin": SITE, **PREFLIGHT})
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == SITE
    assert answer["Access-Control-Allow-Methods"] == "POST"
    assert "x-widget-session" in answer["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer
    assert "origin" in answer["Vary"].lower()
    for origin in ("https://evil.example", "null", "https://www.example.com.evil.example"):
        refused = client.options(page.path(what), headers={"Origin": origin, **PREFLIGHT})
        assert cors_headers(refused.headers) == []
        assert "origin" in refused["Vary"].lower()


def test_a_listed_origin_is_named_and_never_a_star_nor_credentials(page):
    answer = page.ask("config")
    assert answer["Access-Control-Allow-Origin"] == SITE
    assert "Access-Control-Allow-Credentials" not in answer
    assert "origin" in answer["Vary"].lower()
    assert not answer.cookies


def test_errors_behind_the_door_can_be_read_by_the_page(page):
    answer = page.ask("conversation", {"conversation_id": "x"})
    assert answer.status_code == 401
    assert answer["Access-Control-Allow-Origin"] == SITE


def test_an_origin_of_another_widget_opens_nothing(page, world):
    other, key = create_widget(
        world.project,
        name="Other",
        allowed_origins=["https://other.example"],
        actor=acting(world.editor),
    )
    page.origin = "https://other.example"
    assert page.ask("config").status_code == 403
    assert Page(other, key).ask("config").status_code == 403
    # Nor does the key of another one, at an address and an origin that are right.
    assert Page(page.widget, key).ask("config").json()["code"] == "key_scope"


@pytest.mark.parametrize("what", ADDRESSES)
def test_no_other_credential_opens_it(page, world, what):
    for key in (make_key(world.editor)[1], make_key(world.editor, scope="chat")[1]):
        answer = Page(page.widget, key).ask(what, {"message": "x"})
        assert answer.status_code == 403
    assert Page(page.widget, "wk_" + "a" * 43).ask(what).status_code == 401
    browser = AuditedClient()
    browser.force_login(world.editor)
    for headers in ({"Origin": SITE}, {"Origin": OWN}):
        answer = browser.post(page.path(what), {}, "application/json", headers=headers)
        assert answer.status_code in {401, 403}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/projects"),
        ("get", "/api/projects/{project}"),
        ("post", "/api/projects/{project}/chat"),
        ("get", "/api/me"),
        ("get", "/api/keys"),
        ("post", "/api/keys"),
        ("get", "/v1/models"),
        ("post", "/v1/chat/completions"),
        ("post", "/v1/embeddings"),
        ("get", "/api/audit"),
        ("get", "/api/users"),
        ("delete", "/api/projects/{project}"),
    ],
)
def test_the_key_is_good_for_nothing_else(page, world, method, path):
    body, path = BODIES.get(path, {}), path.format(project=world.project.pk)
    client = AuditedClient()
    for headers in ({"Authorization": f"Bearer {page.key}"}, {"X-API-Key": page.key}):
        more = {} if method == "get" else {"data": body, "content_type": "application/json"}
        answer = getattr(client, method)(path, headers={**headers, "Origin": SITE}, **more)
        assert answer.status_code in {401, 403}, (path, answer.content)
        assert cors_headers(answer.headers) == []


def test_no_route_gives_the_key_more_than_anybody_has(page):
    """Every address there is, whichever method: refused, or what is there for everybody."""
    client, more = Client(raise_request_exception=False), []
    headers = {"Authorization": f"Bearer {page.key}", "Origin": SITE}
    for route in all_routes():
        path = PLACE.sub("1", route.path)
        for method in ("get", "post", "delete"):
            answer = getattr(client, method)(path, headers=headers)
            assert cors_headers(answer.headers) == [] or path.startswith("/widget/chat"), path
            if answer.status_code < 400:
                plain = getattr(client, method)(path)
                if (answer.status_code, answer.get("Location")) != (
                    plain.status_code,
                    plain.get("Location"),
                ):
                    more.append((method, path, answer.status_code))
    assert more == []


def test_the_key_is_stored_as_a_digest(page):
    row = ApiKey.objects.get(pk=page.widget.key_id)
    assert page.key not in str(row.__dict__)
    assert row.prefix == page.key[:8]
    assert page.key[3:19] == page.widget.public_id


def test_a_renewed_key_overlaps_and_then_the_old_one_is_void(page, world):
    old = page.key
    _, new = renew_key(page.widget, overlap=timedelta(hours=1), actor=acting(world.editor))
    assert new != old
    for key in (old, new):
        assert Page(page.widget, key).ask("config").status_code == 200
    ApiKey.objects.update(previous_until=timezone.now())
    assert Page(page.widget, old).ask("config").status_code == 401
    assert Page(page.widget, new).ask("config").status_code == 200
    _, newest = renew_key(page.widget, overlap=timedelta(0), actor=acting(world.editor))
    assert Page(page.widget, new).ask("config").status_code == 401
    assert Page(page.widget, newest).ask("config").status_code == 200


def _expire(page, world):
    ApiKey.objects.filter(pk=page.widget.key_id).update(expires_at=timezone.now())


def _suspend(page, world):
    suspend_user(world.editor, actor=SYSTEM)


def _leave(page, world):
    remove_member(Membership.objects.get(team=world.alpha, user=world.editor), actor=SYSTEM)


def _revoke(page, world):
    ApiKey.objects.filter(pk=page.widget.key_id).update(revoked_at=timezone.now())


def _delete_widget(page, world):
    delete_widget(page.widget, actor=acting(world.editor))


def _delete_project(page, world):
    delete_project(world.project, actor=SYSTEM)


def _move(page, world):
    world.beta.llms.add(world.llm)
    move_project(world.project, team=world.beta, actor=SYSTEM)


def _restrict(page, world):
    type(world.editor).objects.filter(pk=world.editor.pk).update(is_restricted=True)


def _delete_owner(page, world):
    world.editor.delete()


ENDINGS = [
    *(_expire, _suspend, _leave, _revoke, _delete_widget, _delete_project, _move, _restrict),
    _delete_owner,
]


@pytest.mark.parametrize("end", ENDINGS, ids=lambda one: one.__name__)
def test_a_widget_ends_with_its_key_its_owner_and_its_project(page, world, end):
    assert page.ask("config").status_code == 200
    end(page, world)
    answer = page.ask("config")
    assert answer.status_code in {401, 403}
    assert cors_headers(answer.headers) == []


def test_a_paused_widget_says_so_at_once(page):
    page.begin()
    update_widget(page.widget, {"is_paused": True}, actor=SYSTEM)
    for what in ADDRESSES:
        answer = page.ask(what, {"message": "x"})
        assert (answer.status_code, answer.json()["code"]) == (503, "widget_paused")
        assert answer["Access-Control-Allow-Origin"] == SITE
    update_widget(page.widget, {"is_paused": False}, actor=SYSTEM)
    assert page.ask("config").status_code == 200


@pytest.mark.parametrize("what", ADDRESSES)
def test_only_posts_of_json_are_answered(page, what):
    client = Client()
    for method in ("get", "put", "patch", "delete"):
        answer = getattr(client, method)(page.path(what), headers=page.headers())
        assert answer.status_code == 405
    answer = client.post(page.path(what), {"message": "x"}, headers=page.headers())
    assert answer.status_code in {403, 415}
    for body in ("[]", "null", '"x"', "{", '{"message": 1}', '{"a": {}}'):
        sent = client.post(
            page.path(what), body, content_type="application/json", headers=page.headers()
        )
        assert sent.status_code in {200, 400, 401}, body


def test_nobody_learns_whether_a_widget_is_there(page):
    missing = Widget(public_id="a" * 16)
    pages = [Page(one, page.key, "https://evil.example") for one in (missing, page.widget)]
    answers = [one.ask("config").json() for one in pages]
    for answer in answers:
        answer.pop("request_id")
    assert answers[0] == answers[1]


def test_sessions_are_bound_to_widget_and_website(page, world):
    update_widget(page.widget, {"allowed_origins": [SITE, "https://two.example"]}, actor=SYSTEM)
    page.begin()
    assert page.ask("conversations").status_code == 200
    elsewhere = Page(page.widget, page.key, "https://two.example", page.token)
    assert elsewhere.ask("conversations").json()["code"] == "session_ended"
    other, key = create_widget(
        world.project, name="Other", allowed_origins=[SITE], actor=acting(world.editor)
    )
    assert Page(other, key, SITE, page.token).ask("conversations").status_code == 401
    for token in ("", "wv_", "wv_" + "a" * 43, page.token[:-1] + "é", page.token + "x"):
        if token.isascii():
            assert Page(page.widget, page.key, SITE, token).ask("conversations").status_code == 401


def test_sessions_are_short_lived_renewed_by_use_and_stored_as_digests(page):
    page.begin()
    row = VisitorSession.objects.get()
    assert page.token not in str(row.__dict__)
    now = timezone.now()
    VisitorSession.objects.update(expires_at=now + timedelta(minutes=5))
    assert page.ask("conversations").status_code == 200
    row.refresh_from_db()
    assert row.expires_at > now + timedelta(minutes=25)
    VisitorSession.objects.update(created_at=now - timedelta(hours=24))
    assert page.ask("conversations").status_code == 401
    VisitorSession.objects.update(created_at=now, expires_at=now)
    assert page.ask("conversations").status_code == 401
