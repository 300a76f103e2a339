"""Whatever is sent to the API, the answer is a sentence, never a failure of ours.

The fields come from the schema, so a new endpoint is tried as soon as it has a body in bodies.py.
"""

import json
from functools import cache

import pytest
from drf_spectacular.generators import SchemaGenerator

from restai_site.tests.access.bodies import BODIES
from restai_site.tests.access.routes import PLACE, Route, all_routes

pytestmark = pytest.mark.django_db
DEEP = 900
VALUES = {
    "null": "null",
    "zero": "0",
    "minus one": "-1",
    "a fraction": "1.5",
    "true": "true",
    "empty text": '""',
    "text": '"x"',
    "blank text": '"   "',
    "the NUL character": '"a\\u0000b"',
    "a lone surrogate": '"a\\ud800b"',
    "a right-to-left override": '"a\\u202eb"',
    "a line end": '"a\\r\\nb"',
    "an empty list": "[]",
    "an empty object": "{}",
    "a list in a list": "[[1]]",
    "objects in a list": '[{"id": 1}]',
    "an object": '{"id": 1, "$ne": null}',
    "2**63": str(2**63),
    "2**70": str(2**70),
    "-2**70": str(-(2**70)),
    "a number of 400 digits": "9" * 400,
    "1e308": "1e308",
    "1e999": "1e999",
    "NaN": "NaN",
    "nan as text": '"nan"',
    "Infinity as text": '"Infinity"',
    "digits of another script": '"٣٤"',
    "very long text": json.dumps("x" * 300_000),
    "deep nesting": "[" * DEEP + "]" * DEEP,
    "the year 9999": '"9999-12-31T23:59:59-23:59"',
    "the year 1": '"0001-01-01T00:00:00+23:59"',
    "a date that is none": '"2026-02-30T00:00:00Z"',
}
BODIES_THAT_ARE_NONE = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "text": b'"x"',
    "a number": b"1",
    "half an object": b'{"name": ',
    "two values": b"{} {}",
    "NaN": b'{"name": NaN}',
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "very deep lists": b"[" * 100_000 + b"]" * 100_000,
    "very deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "form data": b"name=x",
}
# These refuse a field they do not know instead of passing over it.
CALLS_OF_MODELS = {
    "/api/projects/<int:project_id>/chat",
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/images/generations",
    "/v1/audio/speech",
}
# To these an empty body says all that has to be said.
ALL_FIELDS_OPTIONAL = {
    "/api/auth/second-factor/recovery-codes",
    "/api/auth/second-factor/totp",
    "/api/keys/<int:key_id>/rotate",
    "/api/projects/<int:project_id>/widgets/<int:widget_id>/key",
}
CASES = sorted(case for case in BODIES if Route(case[1]).is_json)


@cache
def schema() -> dict:
    return SchemaGenerator().get_schema(request=None, public=True)


def place_named(path: str) -> str:
    """Return the path as the schema spells it."""
    return PLACE.sub(r"{\1}", path).replace("{pk}", "{id}")


def fields_of(method: str, path: str) -> list[str]:
    """Return the fields of the body; what the schema does not list comes from bodies.py."""
    known = schema()["paths"].get(place_named(path), {}).get(method.lower())
    if known is None:
        return []
    body = known["requestBody"]["content"]["application/json"]["schema"]
    reference = body.get("$ref")
    if reference is None:
        return []
    return list(schema()["components"]["schemas"][reference.rpartition("/")[2]]["properties"])


def tried(walker, method: str, path: str, body: bytes):
    """Send `body` as somebody who is let in."""
    route = Route(path)
    own = ("/conversations", "/chat", "/keys/<", "/passkeys/<")
    role = "viewer" if any(part in path for part in own) else "platform_admin"
    return walker.send(role, method, route, walker.stage.values(route), body)


def with_values(body: dict, fields: list[str], raw: str) -> bytes:
    """Return `body` as JSON with `raw` for each of `fields`."""
    others = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in body.items()]
    given = [*others, *(f"{json.dumps(field)}: {raw}" for field in fields)]
    return ("{" + ", ".join(given) + "}").encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(("method", "path"), CASES)
def test_each_field_survives_each_kind_of_value(walker, method, path):
    valid = BODIES[method, path](walker.stage)
    names = fields_of(method, path) or list(valid)
    for kind, raw in VALUES.items():
        refused = refused_together(walker, method, path, names, raw)
        for field in names:
            # A good value of `stream`, which needs an event loop for as long as it lasts.
            if field in refused or (field, raw) == ("stream", "true"):
                continue
            others = {name: value for name, value in valid.items() if name != field}
            answer = tried(walker, method, path, with_values(others, [field], raw))
            judge(answer, f"{method} {path} with {kind} for {field}: {answer.status}")


def refused_together(walker, method: str, path: str, names: list[str], raw: str) -> set[str]:
    """Return the fields that are refused for `raw` when all of them hold it.

    Each was looked at by itself, and nothing behind them was reached: that is left to try with
    those that let it pass, one at a time. A call of a model names one field alone.
    """
    if path in CALLS_OF_MODELS or len(names) < 2:
        return set()
    answer = tried(walker, method, path, with_values({}, names, raw))
    judge(answer, f"{method} {path} with {raw[:40]} everywhere: {answer.status}")
    if answer.status != 400:
        return set()
    return set(json.loads(answer.body).get("errors", {})) & set(names)


def judge(answer, request: str) -> None:
    assert answer.status < 500 or answer.status in {502, 504}, request
    assert not (400 <= answer.status < 500 and answer.changed), request


@pytest.mark.parametrize(("method", "path"), CASES)
def test_a_body_that_is_no_object_is_refused_in_the_shape_of_the_api(walker, method, path):
    for kind, body in BODIES_THAT_ARE_NONE.items():
        if kind == "nothing" and path in ALL_FIELDS_OPTIONAL:
            continue
        answer = tried(walker, method, path, body)
        request = f"{method} {path} with {kind}: {answer.status}"
        # An empty body is a PATCH of nothing, and a POST without a type.
        allowed = {400, 200, 415} if kind == "nothing" else {400}
        assert answer.status in allowed, request
        assert not answer.changed, request
        if answer.status == 400:
            told = json.loads(answer.body)
            assert told["error"]["message"] if path.startswith("/v1/") else told["detail"], request


@pytest.mark.parametrize(("method", "path"), CASES)
def test_a_body_of_ten_megabytes_is_too_large(walker, method, path):
    answer = tried(walker, method, path, b'{"name": "' + b"x" * 10_000_000 + b'"}')
    assert answer.status == 413
    body = json.loads(answer.body)
    assert (body.get("code") or body["error"]["code"]) == "too_large"


def test_every_endpoint_of_the_schema_that_takes_a_body_is_tried():
    """So that nothing escapes this file by having no entry in bodies.py."""
    places = {place_named(route.path): route.path for route in all_routes()}
    takes_body = {
        (method.upper(), places[path])
        for path, operations in schema()["paths"].items()
        for method, operation in operations.items()
        # A form is tried in inference/tests/test_media_input.py.
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    }
    assert takes_body - set(BODIES) == set()


# Whatever is not writable in the serializers, under every name that a model or a habit gives it.
HABITS = {"is_superuser": True, "is_staff": True, "owner": 1, "is_private": True, "budget": 1}
JUNK = "2001-01-01T00:00:00Z"


def protected_fields(method: str, path: str) -> dict:
    """Return a value for every field of every model that the body does not take."""
    from django.apps import apps

    owners = {"accounts", "audit", "configuration", "catalog", "teams", "projects", "metering"}
    names = {
        name
        for model in apps.get_models()
        if model.__module__.split(".")[0] in owners
        for field in model._meta.get_fields()
        if field.concrete
        for name in (field.name, getattr(field, "attname", field.name))
    }
    protected = names - set(fields_of(method, path))
    return {name: JUNK if name.endswith("_at") else 1 for name in sorted(protected)} | HABITS


@pytest.mark.parametrize(("method", "path"), [case for case in CASES if case[0] == "PATCH"])
def test_fields_that_are_not_offered_change_nothing(walker, method, path):
    if not fields_of(method, path):
        return
    answer = tried(walker, method, path, json.dumps(protected_fields(method, path)).encode())
    assert answer.status == 200
    assert not answer.changed, answer.writes


@pytest.mark.parametrize(("method", "path"), [case for case in CASES if case[0] == "POST"])
def test_fields_that_are_not_offered_are_not_taken_when_something_is_made(walker, method, path):
    names = fields_of(method, path)
    if not names:
        return
    valid = BODIES[method, path](walker.stage)
    body = json.dumps({**protected_fields(method, path), **valid}).encode()
    answer = tried(walker, method, path, body)
    if path in CALLS_OF_MODELS:
        assert (answer.status, answer.changed) == (400, False)
        assert b'"unknown_field"' in answer.body
        return
    if answer.status != 201:
        # Nothing is made here; what is not offered makes no difference.
        plain = tried(walker, method, path, json.dumps(valid).encode())
        assert (answer.status, answer.changed) == (plain.status, plain.changed)
        return
    made = json.loads(answer.body)
    assert made.get("id") != 1
    assert JUNK not in made.values()
    for name in ("is_platform_admin", "is_superuser", "is_staff", "owner", "budget"):
        assert made.get(name) in {None, False}, name
