"""No route opens itself to the pages of another site, whoever is signed in."""

import pytest

from restai_site.tests.access import expectations
from restai_site.tests.access.expectations import is_there
from restai_site.tests.access.routes import all_routes
from restai_site.tests.access.stage import ROLES
from restai_site.tests.access.walk import empty_cache
from restai_site.tests.cors import REQUESTS, cors_headers

pytestmark = pytest.mark.django_db
EXPECTED = expectations.expected()
LIKELY = ("viewer", "team_admin", "platform_admin")


def somebody_allowed(path, method):
    """Return a role that the route serves, or else the platform administrator."""
    outcomes = dict(zip(ROLES, EXPECTED[path][method], strict=True))
    served = [role for role in LIKELY if outcomes[role] < "400"]
    return [*served, "platform_admin"][0]


@pytest.mark.parametrize("route", all_routes(), ids=lambda route: route.path)
def test_the_route_has_no_cors_header_and_answers_other_sites_as_anybody(walker, route):
    empty_cache()
    values = walker.stage.values(route)
    for method, headers in REQUESTS:
        roles = ["anonymous"]
        if is_there(route.path, method):
            roles.append(somebody_allowed(route.path, method))
        for role in roles:
            answer = walker.send(role, method, route, values, headers=headers)
            assert cors_headers(answer.headers) == []
            assert answer.outcome == EXPECTED[route.path][method][ROLES.index(role)]
