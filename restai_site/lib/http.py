"""Rendering of errors: problem details for the API, OpenAI's shape for /v1, a page for people."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from restai_site.lib.errors import DomainError
from restai_site.lib.requests import is_from_administrator

OPENAI_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    402: "insufficient_quota",
    429: "rate_limit_error",
}
PAGES = {403: "403.html", 404: "404.html", 429: "429.html"}


def problem(
    status: int,
    detail: str,
    *,
    code: str,
    fields: Mapping[str, Sequence[str]] | None = None,
    request_id: str = "",
    more: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the body of a problem-details answer (RFC 9457)."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
    return {**body, **(more or {}), **({"errors": fields} if fields else {})}


def problem_of(error: DomainError, request_id: str) -> dict[str, Any]:
    """Return the problem details of `error`."""
    return problem(
        error.status,
        error.message,
        code=error.code,
        fields=error.fields,
        request_id=request_id,
        more=error.more,
    )


def error_headers(error: DomainError) -> dict[str, str]:
    """Return the headers that go with `error` on every surface."""
    headers = {"WWW-Authenticate": 'Bearer realm="api"'} if error.status == 401 else {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return headers | dict(error.headers)


def openai_error(
    status: int,
    message: str,
    *,
    code: str,
    param: str | None = None,
    more: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the body of an error as OpenAI's API shapes it."""
    kind = OPENAI_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {
        "error": {"message": message, "type": kind, "param": param, "code": code, **(more or {})}
    }


def render_error(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Return the answer to `error` in the form of the surface that was asked."""
    error = error.told_to(administrator=is_from_administrator(request))
    request_id = getattr(request, "request_id", "")
    if request.path.startswith("/v1/"):
        param = next(iter(error.fields), None) if error.fields else None
        body = openai_error(
            error.status, error.message, code=error.code, param=param, more=error.more
        )
        response = json_response(body, error.status)
    elif request.path.startswith(("/api/", "/health/", "/permissions/matrix", "/widget/")):
        body = problem_of(error, request_id)
        response = json_response(body, error.status, "application/problem+json")
    else:
        page = PAGES.get(error.status, "error.html")
        response = render(request, page, {"error": error}, status=error.status)
    for name, value in error_headers(error).items():
        response.headers[name] = value
    return response


def json_response(
    body: object, status: int = 200, content_type: str = "application/json"
) -> HttpResponse:
    """Return `body` as JSON."""
    return HttpResponse(orjson.dumps(body), content_type=content_type, status=status)
