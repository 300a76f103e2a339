"""Every route, every method, every role, against the expectation file."""

import os

import pytest

from restai_site.tests.access import expectations
from restai_site.tests.access.expectations import NOT_THERE, Statuses
from restai_site.tests.access.routes import METHODS, Route, all_routes
from restai_site.tests.access.stage import ROLES
from restai_site.tests.access.walk import Walker, empty_cache

pytestmark = pytest.mark.django_db
REGENERATE = os.environ.get("ACCESS_REGENERATE") == "1"
EXPECTED = {} if REGENERATE else expectations.expected()
PROVIDER = (502, 504)
# Where these find nothing, the others are not asked: it is half of all requests.
FIRST = ("anonymous", "outsider_admin", "team_admin", "platform_admin")
FOUND: dict[str, Statuses] = {}
ROUTES = all_routes()


def walk(walker: Walker, route: Route) -> Statuses:
    """Return the statuses of the route; no answer of an error may have changed anything."""
    empty_cache()
    walker.sign_in_again()
    values = walker.stage.values(route)
    found: Statuses = {}
    for method in METHODS:
        answers = {role: walker.send(role, method, route, values) for role in FIRST}
        outcomes = {role: answer.outcome for role, answer in answers.items()}
        if set(outcomes.values()) == {NOT_THERE}:
            found[method] = (NOT_THERE,) * len(ROLES)
            continue
        if method == "HEAD" and outcomes == _first(found["GET"]):
            # A GET whose body is left out.
            found[method] = found["GET"]
            continue
        others = [role for role in ROLES if role not in FIRST]
        answers |= {role: walker.send(role, method, route, values) for role in others}
        for role, answer in answers.items():
            request = f"{method} {route.path} as {role}"
            assert answer.status < 500 or answer.status in PROVIDER, f"{request}: {answer.status}"
            refused = 400 <= answer.status < 500
            assert not (refused and answer.changed), f"{request}: refused, yet {answer.writes}"
        found[method] = tuple(answers[role].outcome for role in ROLES)
    return found


def _first(statuses: tuple[str, ...]) -> dict[str, str]:
    told = dict(zip(ROLES, statuses, strict=True))
    return {role: told[role] for role in FIRST}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_the_route_answers_each_role_as_written(walker, route):
    found = FOUND[route.path] = walk(walker, route)
    if REGENERATE:
        return
    expected = EXPECTED.get(route.path)
    advice = "\n".join(expectations.lines(route.path, found))
    assert expected is not None, f"A new route; check these lines and add them:\n{advice}"
    assert found == expected, f"The answers differ from the file; they are now:\n{advice}"


def test_the_file_has_no_line_for_a_route_that_is_gone():
    if REGENERATE:
        expectations.write(FOUND)
        return
    assert set(EXPECTED) - {route.path for route in ROUTES} == set()
