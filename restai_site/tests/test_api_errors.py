"""Errors of the REST API have one shape, its lists one cost, and its schema no warnings."""

import io
import json

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator

from accounts.models import ApiKey, User
from audit.models import Entry
from catalog.models import LLM, ProviderAccount
from inference.models import Conversation, Message
from metering.models import UsageRecord
from projects.models import Project, ProjectMember, PromptVersion
from restai_site.tests.world import SYSTEM
from teams.models import Membership, Team
from teams.services import rename_team

LISTS = [
    "/api/users",
    "/api/keys",
    "/api/providers",
    "/api/llms",
    "/api/embedding-models",
    "/api/teams",
    "/api/teams/{team}/members",
    "/api/teams/{team}/grants",
    "/api/projects",
    "/api/projects/{project}/prompt-versions",
    "/api/projects/{project}/members",
    "/api/usage",
    "/api/usage/summary",
    "/api/conversations",
    "/api/audit",
]
MANY = 40


def problem_of(answer) -> dict:
    assert answer["Content-Type"] == "application/problem+json"
    body = json.loads(answer.content)
    assert body["status"] == answer.status_code
    assert body["detail"].endswith(".")
    assert body["request_id"] == answer["X-Request-ID"]
    assert body["code"]
    return body


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("get", "/api/projects/999999", {}, 404, "not_found"),
        ("get", "/api/nothing-here", {}, 404, "not_found"),
        ("post", "/api/nothing/here", {}, 404, "not_found"),
        ("get", "/api/teams/", {}, 404, "not_found"),
        ("get", "/api/teams.json", {}, 404, "not_found"),
        ("get", "/api//teams", {}, 404, "not_found"),
        ("get", "/api/TEAMS", {}, 404, "not_found"),
        ("get", "/api/teams;x", {}, 404, "not_found"),
        ("get", f"/api/teams/{2**70}", {}, 404, "not_found"),
        ("get", "/api/teams/" + "9" * 5000, {}, 404, "not_found"),
        ("put", "/api/teams", {}, 405, "method_not_allowed"),
        ("get", "/api/teams", {"HTTP_ACCEPT": "image/png"}, 406, "not_acceptable"),
        ("post", "/api/keys", {"content_type": "text/xml"}, 415, "unsupported_media_type"),
        ("post", "/api/keys", {"content_type": "application/json"}, 400, "bad_json"),
        ("post", "/api/keys", {"data": b"[" * 33 + b"]" * 33}, 400, "bad_json"),
        ("post", "/api/keys", {"data": b'{"a":' * 900 + b"1" + b"}" * 900}, 400, "bad_json"),
        ("post", "/api/keys", {"data": b"[" * 32 + b"]" * 32}, 400, "invalid"),
        ("get", "/api/users", {}, 403, "forbidden"),
        ("get", "/api/teams?page=x", {}, 404, "not_found"),
        ("get", "/api/teams?page=0", {}, 404, "not_found"),
        ("get", f"/api/teams?page={10**30}", {}, 404, "not_found"),
        ("get", "/api/teams?page_size=x", {}, 400, "invalid"),
        ("get", "/api/teams?search=%00", {}, 400, "invalid"),
    ],
)
def test_every_error_is_problem_details(world, as_user, method, path, options, status, code):
    sent = {} if method == "get" else {"data": b"{", "content_type": "application/json"}
    answer = getattr(as_user(world.viewer), method)(path, **(sent | options))
    assert answer.status_code == status
    assert problem_of(answer)["code"] == code


@pytest.mark.parametrize("accept", ["text/html", "application/json", "*/*", "image/png", "x"])
@pytest.mark.parametrize("header", [{}, {"HTTP_AUTHORIZATION": "Bearer wrong"}])
def test_anonymous_people_get_no_page_whatever_they_accept(db, client, accept, header):
    for path in ("/api/", "/api/teams", "/api/docs", "/api/schema"):
        answer = client.get(path, HTTP_ACCEPT=accept, **header)
        assert answer.status_code in {401, 406}
        problem_of(answer)


def test_a_person_in_a_browser_gets_a_page_with_the_strict_policy_for_scripts(world, as_user):
    answer = as_user(world.viewer).get("/api/teams", HTTP_ACCEPT="text/html")
    assert answer["Content-Type"].startswith("text/html")
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "style-src-attr 'unsafe-inline'" in policy
    assert policy.count("unsafe-inline") == 1


def test_an_error_in_a_browser_is_json_as_well(world, as_user):
    answer = as_user(world.viewer).get("/api/users", HTTP_ACCEPT="text/html")
    assert (answer.status_code, problem_of(answer)["code"]) == (403, "forbidden")


def test_the_fields_that_are_wrong_are_named(world, as_user):
    answer = as_user(world.viewer).post("/api/keys", {"name": []}, "application/json")
    assert list(problem_of(answer)["errors"]) == ["name"]


def test_the_schema_has_neither_warnings_nor_foreign_hosts(db, world, as_user):
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    assert "application/problem+json" in out.getvalue()
    page = as_user(world.viewer).get("/api/docs")
    assert page.status_code == 200
    assert "//" not in page.content.decode().replace("<!DOCTYPE html>", "")
    assert "<style" not in page.content.decode()


def grow(world) -> None:
    """Add many rows of everything to what the platform administrator sees."""
    admin_user = world.platform_admin
    numbers = range(User.objects.count() * 1000, User.objects.count() * 1000 + MANY)
    people = User.objects.bulk_create([User(email=f"p{n}@example.org") for n in numbers])
    Membership.objects.bulk_create([Membership(team=world.alpha, user=u) for u in people])
    ProjectMember.objects.bulk_create(
        [ProjectMember(project=world.project, user=u) for u in people]
    )
    teams = Team.objects.bulk_create([Team(name=f"T{n}", slug=f"t{n}") for n in numbers])
    providers = ProviderAccount.objects.bulk_create(
        [ProviderAccount(name=f"P{n}", kind="openai", api_key="k") for n in numbers]
    )
    models = LLM.objects.bulk_create([LLM(name=f"m{p.pk}", provider=p) for p in providers])
    world.alpha.llms.add(*models)
    projects = Project.objects.bulk_create(
        [Project(team=team, name="P", llm=llm) for team, llm in zip(teams, models, strict=True)]
    )
    first = numbers[0] + 10
    PromptVersion.objects.bulk_create(
        [
            PromptVersion(project=world.project, number=first + n, author=u)
            for n, u in enumerate(people)
        ]
    )
    ApiKey.objects.bulk_create(
        [ApiKey(user=admin_user, name="k", prefix="rk", digest=f"d{n}") for n in numbers]
    )
    counts = {"prompt_tokens": 1, "completion_tokens": 1, "latency_ms": 1}
    UsageRecord.objects.bulk_create(
        [
            UsageRecord(project=p, team=p.team, user=u, **counts)
            for p, u in zip(projects, people, strict=True)
        ]
    )
    talks = Conversation.objects.bulk_create(
        [Conversation(project=p, user=admin_user, title="t") for p in projects]
    )
    Message.objects.bulk_create([Message(conversation=talk, role="user") for talk in talks])
    for team in teams:
        rename_team(team, name=f"{team.name} again", actor=SYSTEM)


def queries_of(browser, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(path).status_code == 200, path
    return len(queries)


def test_a_list_of_the_api_costs_the_same_however_long_it_is(world, as_user):
    browser = as_user(world.platform_admin)
    paths = [path.format(team=world.alpha.pk, project=world.project.pk) for path in LISTS]
    grow(world)
    few = {path: queries_of(browser, path) for path in paths}
    grow(world)
    grow(world)
    assert {path: queries_of(browser, path) for path in paths} == few
    assert max(few.values()) <= 8


def test_a_list_of_the_administration_costs_the_same_however_long_it_is(world, as_user):
    browser = as_user(world.platform_admin)
    paths = [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in admin.site._registry
    ]
    grow(world)
    few = {path: queries_of(browser, path) for path in paths}
    grow(world)
    grow(world)
    assert {path: queries_of(browser, path) for path in paths} == few
    assert max(few.values()) <= 6


def test_a_page_of_the_audit_trail_is_not_larger_than_asked(world, as_user):
    grow(world)
    browser = as_user(world.platform_admin)
    assert Entry.objects.acts().count() > 20
    assert len(browser.get("/api/audit?page_size=20").json()["results"]) == 20


def test_the_schema_is_drawn_once_in_a_process(world, as_user, monkeypatch):
    first = as_user(world.viewer).get("/api/schema")
    drawn = []
    monkeypatch.setattr(SchemaGenerator, "parse", lambda *_: drawn.append(1))
    assert as_user(world.platform_admin).get("/api/schema").content == first.content
    assert drawn == []
