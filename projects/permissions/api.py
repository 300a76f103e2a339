"""`GET /permissions/matrix`."""

from typing import Any

from django.db.models import Count, Window
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from projects.permissions.effective import LEVELS
from projects.permissions.matrix import Key, Row, matrix
from projects.permissions.scope import FLAGS, Filters, Scope, Selection, note
from projects.permissions.serializers import MatrixSerializer
from restai_site.lib.drf import PagePagination, actor_of
from restai_site.lib.errors import Invalid, NotFound
from restai_site.lib.requests import number_in

# There are never so many; the number still fits the database's.
LAST_PAGE = 10**9
NO_PAGE = "There is no such page."
PARAMETERS = [
    OpenApiParameter("page", OpenApiTypes.INT),
    OpenApiParameter("page_size", OpenApiTypes.INT, description="Users a page, 200 at most."),
    OpenApiParameter("team", OpenApiTypes.INT, description="Who has to do with the team."),
    OpenApiParameter("user", OpenApiTypes.INT),
    OpenApiParameter("project", OpenApiTypes.INT, description="Who has to do with the project."),
    OpenApiParameter("q", description="A part of the name or the e-mail address."),
    OpenApiParameter(
        "access", enum=list(LEVELS), description="Who reaches a project at this very level."
    ),
    OpenApiParameter("flag", enum=list(FLAGS)),
]


class MatrixView(APIView):
    """Who reaches what, and why."""

    renderer_classes = [JSONRenderer]
    http_method_names = ["get", "head", "options"]

    @extend_schema(parameters=PARAMETERS, responses=MatrixSerializer, tags=["permissions"])
    def get(self, request: Request) -> Response:
        """Effective access of each user to each project, and the reasons for it.

        Everything for platform administrators; for admins of teams the people and projects of
        those. A project that is not listed is not reached. `access` is what is left of `held`,
        which the roles give, to suspended and restricted users.
        """
        actor = actor_of(request)
        selection = Selection(
            Scope.of(actor), Filters.of(request.query_params.dict(), is_strict=True)
        )
        size = PagePagination().get_page_size(request)
        page = _page_number(request.query_params.get("page", "1"))
        users, count = _users(selection, page, size)
        rows = matrix(users, selection)
        note(actor, "permissions.read", selection)
        results = [as_json(row) for row in rows]
        return Response({"count": count, "page": page, "page_size": size, "results": results})


def _page_number(text: str) -> int:
    page = number_in(text)
    if not page:
        message = "Pages are counted from 1."
        raise Invalid(message, fields={"page": [message]})
    if page > LAST_PAGE:
        raise NotFound(NO_PAGE)
    return page


def _users(selection: Selection, page: int, size: int) -> tuple[list[User], int]:
    """Return the users of a page, and how many there are on all. Raises NotFound.

    Two queries; one where a level is asked for, which looks at every pair there is.
    """
    users = selection.users().order_by("email", "pk")
    shown = slice((page - 1) * size, page * size)
    if selection.filters.access is None:
        found, count = list(users[shown]), users.count()
    else:
        found = list(users.annotate(total=Window(Count("pk")))[shown])
        count = getattr(found[0], "total", 0) if found else 0
    if page > 1 and not found:
        raise NotFound(NO_PAGE)
    return found, count


def as_json(row: Row) -> dict[str, Any]:
    """Return a row of the matrix as the API gives it."""
    user = row.user
    flags = ("is_platform_admin", "is_restricted", "is_active")
    named = {"id": user.pk, "email": user.email, "name": user.name}
    return {
        "user": named | {flag: getattr(user, flag) for flag in flags},
        "teams": [
            {"id": one.team_id, "name": one.team.name, "role": one.role} for one in row.memberships
        ],
        "models": row.models,
        "projects": [
            {
                "id": pair.project_id,
                "name": pair.project_name,
                "team_id": pair.team_id,
                "access": pair.level.word,
                "held": pair.held.word,
                "reasons": [reason.word for reason in pair.reasons],
            }
            for pair in row.pairs
        ],
        "keys": [_key(key) for key in row.keys],
    }


def _key(known: Key) -> dict[str, Any]:
    key = known.key
    return {
        "id": key.pk,
        "name": known.name,
        "scope": key.scope,
        "project_ids": known.project_ids,
        "team_id": key.team_id,
        "expires_at": key.expires_at,
        "reaches": known.reaches,
    }
