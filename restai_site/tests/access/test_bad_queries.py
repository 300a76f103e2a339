"""Whatever stands after the question mark, the answer is no failure of ours."""

import pytest

from restai_site.tests.access.expectations import is_there
from restai_site.tests.access.routes import Route, all_routes
from restai_site.tests.access.walk import empty_cache

pytestmark = pytest.mark.django_db
NAMES = (
    "page",
    "page_size",
    "cursor",
    "q",
    "search",
    "sort",
    "team",
    "project",
    "user",
    "api_key",
    "model",
    "kind",
    "by",
    "period",
    "language",
    "version",
    "from",
    "to",
    "next",
    "format",
    "o",
    "p",
    "e",
)
VALUES = ("x", "-1", "1.5", "%00", "9" * 5000, "9" * 20, "%ff", "__class__", "%27%22--", "٣")
# The administration's lists, pages and filters are Django's, and alike.
OF_ADMINISTRATION = ("x", "%00", "9" * 20, "٣")
# Where nothing is to be read, nothing looks at a query.
READ = [route for route in all_routes() if is_there(route.path, "GET")]


@pytest.mark.parametrize("route", READ, ids=lambda route: route.path)
def test_nonsense_in_the_query_is_no_failure(walker, route):
    empty_cache()
    values = walker.stage.values(route)
    for value in OF_ADMINISTRATION if route.path.startswith("/admin/") else VALUES:
        query = "&".join(f"{name}={value}" for name in NAMES)
        answer = walker.send("platform_admin", "GET", Route(f"{route.path}?{query}"), values)
        assert answer.status < 500, f"GET {route.path}?{query[:80]}: {answer.status}"
        assert not answer.changed
