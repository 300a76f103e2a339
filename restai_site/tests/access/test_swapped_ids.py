"""Another team's id is answered exactly as one that does not exist, and changes nothing."""

import re
from itertools import product

import pytest

from restai_site.tests.access.expectations import is_there
from restai_site.tests.access.routes import Route, all_routes
from restai_site.tests.access.stage import MISSING
from restai_site.tests.access.walk import empty_cache

pytestmark = pytest.mark.django_db
ROLES = ("viewer", "member", "editor", "team_admin")
METHODS = ("GET", "OPTIONS", "POST", "PATCH", "DELETE")
# The administration has no tenants; the matrix shows that it is closed to all of these roles.
ROUTES = [route for route in all_routes() if not route.path.startswith("/admin/")]
REQUEST_ID = re.compile(rb'"request_id":"[^"]*"')
# Answers that hold no rows: they describe the platform, in words that may be those of a row.
SAME_FOR_ALL = {"/api/schema", "/api/docs", "/api/guards/detectors"}
# What a page of an error would show of Beta, if it showed anything.
FOREIGN_WORDS = (b"Beta", b"Other", b"outsider", b"beta-")


def swaps(stage, route: Route) -> list[tuple[dict[str, str], dict[str, str]]]:
    """Return pairs of values: some ids are Beta's in the first, and missing in the second."""
    places = stage.id_places(route)
    own, other, missing = (stage.values(route, side) for side in ("own", "other", "missing"))
    pairs = []
    for choice in product((False, True), repeat=len(places)):
        swapped = [place for place, is_swapped in zip(places, choice, strict=True) if is_swapped]
        if swapped:
            foreign = own | {place: other[place] for place in swapped}
            absent = own | {place: missing[place] for place in swapped}
            pairs.append((foreign, absent))
    return pairs


def plain(answer) -> bytes:
    """Return the answer without what differs each time; of a page, what it tells of Beta."""
    if answer.body.lstrip().startswith(b"<"):
        return b"".join(word for word in FOREIGN_WORDS if word in answer.body)
    return REQUEST_ID.sub(b"", answer.body)


def is_told_the_same(answer, expected, foreign, absent) -> bool:
    """Return whether the sender cannot tell the two answers apart, but for the ids sent."""
    if (answer.status, plain(answer)) == (expected.status, plain(expected)):
        return True
    return told(answer, foreign) == told(expected, absent)


def told(answer, values: dict[str, str]) -> tuple[int, bytes]:
    """Return what the sender learns, without the ids that the sender sent.

    An id may be a small number that an answer also holds for a reason of its own. The same id
    is then taken out of one answer alone, so `is_told_the_same` compares what came as well.
    """
    body = plain(answer)
    if answer.body.lstrip().startswith(b"<"):
        return answer.status, body
    for value in sorted(values.values(), key=len, reverse=True):
        body = re.sub(rb"\b" + re.escape(value.encode()) + rb"\b", b"#", body)
    return answer.status, body


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.places], ids=lambda route: route.path
)
def test_a_foreign_id_in_the_path_is_as_good_as_missing(walker, route):
    empty_cache()
    methods = [method for method in METHODS if is_there(route.path, method)]
    for foreign, absent in swaps(walker.stage, route):
        for role, method in product(ROLES, methods):
            answer = walker.send(role, method, route, foreign)
            request = f"{method} {route.filled(foreign)} as {role}"
            assert not answer.changed, f"{request} wrote {answer.writes}"
            expected = walker.send(role, method, route, absent)
            assert is_told_the_same(answer, expected, foreign, absent), request


def body_cases(world) -> list[tuple[str, str, str, dict]]:
    """Role, method, path, body: `SWAPPED` stands for the id of another team's row."""
    project = f"/api/projects/{world.project.pk}"
    team = f"/api/teams/{world.alpha.pk}"
    new = {"name": "New", "team": world.alpha.pk, "llm": world.llm.pk}
    return [
        ("team_admin", "POST", "/api/projects", {**new, "team": world.beta.pk}),
        ("team_admin", "POST", "/api/projects", {**new, "llm": world.other_llm.pk}),
        ("team_admin", "PATCH", project, {"llm": world.other_llm.pk}),
        ("editor", "PATCH", project, {"llm": world.other_llm.pk}),
        ("team_admin", "POST", f"{project}/members", {"user": world.outsider.pk}),
        ("team_admin", "POST", f"{team}/members", {"user": world.outsider.pk}),
        ("viewer", "GET", f"/api/projects?team={world.beta.pk}", {}),
        ("viewer", "GET", f"/api/projects?llm={world.other_llm.pk}", {}),
        ("team_admin", "GET", f"/api/usage?project={world.other_project.pk}", {}),
        ("team_admin", "GET", f"/api/usage?team={world.beta.pk}", {}),
        ("team_admin", "GET", f"/api/usage?user={world.outsider.pk}", {}),
        ("team_admin", "GET", f"/api/usage/summary?team={world.beta.pk}", {}),
        ("viewer", "GET", f"/api/conversations?project={world.other_project.pk}", {}),
    ]


def absent(path: str, body: dict, foreign: set[int]) -> tuple[str, dict]:
    """Return the request with every foreign id replaced by a missing one."""
    path = re.sub(r"=(\d+)$", f"={MISSING}", path)
    return path, {k: int(MISSING) if v in foreign else v for k, v in body.items()}


def test_a_foreign_id_in_a_body_or_a_filter_is_as_good_as_missing(walker):
    world = walker.stage.world
    rows = (world.beta, world.other_llm, world.outsider)
    for role, method, path, body in body_cases(world):
        foreign = {row.pk for row in rows} - {world.alpha.pk, world.llm.pk}
        missing_path, missing_body = absent(path, body, foreign)
        answer = walker.send(role, method, Route(path), {}, body)
        expected = walker.send(role, method, Route(missing_path), {}, missing_body)
        request = f"{method} {path} {body} as {role}"
        assert not answer.changed, f"{request} wrote {answer.writes}"
        assert told(answer, {}) == told(expected, {}), request
        assert answer.status == (400 if body or "conversations" in path else 200), request


@pytest.mark.parametrize("role", ["outsider", "outsider_admin"])
def test_lists_searches_and_sums_show_an_outsider_nothing_of_the_other_team(walker, role):
    """Neither rows nor counts: everything of Alpha deleted, the answers would be the same."""
    world = walker.stage.world
    marks = [
        b"alpha",
        b"Alpha",
        b"Private",
        b"Shared",
        *(user.email.encode() for user in (world.viewer, world.editor, world.member)),
    ]
    for route in ROUTES:
        if route.places or route.path in SAME_FOR_ALL:
            continue
        for query in ("", "?search=a", "?q=a", "?page_size=200", "?team=1", "?include_deleted=1"):
            answer = walker.send(role, "GET", Route(route.path + query), {})
            assert not [mark for mark in marks if mark in answer.body], f"{route.path}{query}"
