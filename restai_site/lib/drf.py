"""Base classes for the REST API."""

from collections.abc import Mapping
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from rest_framework import exceptions, pagination, parsers, serializers
from rest_framework.response import Response
from rest_framework.views import exception_handler

from restai_site.lib.errors import DomainError, Invalid
from restai_site.lib.http import problem

MASK = "********"


class StrictJSONParser(parsers.JSONParser):
    """JSON by orjson: no NaN, no lone surrogates, nesting limited to 1024 levels, no NUL."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return parse_json(stream.read())


def parse_json(raw: bytes) -> Any:
    """Return the value in `raw`.

    Raises Invalid when it is not JSON, holds a lone surrogate, or a NUL character, which
    PostgreSQL cannot store.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Invalid(
            f"The request body is not valid JSON: {error.msg}.", code="bad_json"
        ) from None
    if b"\\u0000" in raw and _holds_nul(value):
        raise Invalid("Text must not contain the NUL character.", code="bad_json")
    return value


def _holds_nul(value: Any) -> bool:
    # A stack of our own: the depth of the input is the sender's choice.
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str) and "\0" in item:
            return True
        if isinstance(item, dict):
            left.extend(item.keys())
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item)
    return False


class PagePagination(pagination.PageNumberPagination):
    """Pages of 50 unless asked otherwise, 200 at most."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"


class NewestFirstCursor(pagination.CursorPagination):
    """For tables that grow without end: the same cost on every page."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering = "-id"


class SecretField(serializers.CharField):
    """Takes a secret and never gives it back: answers carry only the mask."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("allow_blank", True)
        kwargs.setdefault("required", False)
        kwargs.setdefault("max_length", 4096)
        kwargs.setdefault("trim_whitespace", True)
        super().__init__(**kwargs)

    def to_representation(self, value: Any) -> str:
        return MASK if value else ""


def problem_details(error: Exception, context: dict[str, Any]) -> Response | None:
    """Render every error of the API as problem details (RFC 9457)."""
    request_id = getattr(context["request"], "request_id", "")
    if isinstance(error, DomainError):
        return _answer(error.status, error.message, error.code, error.fields, request_id, error)
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        fields = _flatten(response.data)
        body = problem(
            400, "Some fields need attention.", code="invalid", fields=fields, request_id=request_id
        )
    else:
        body = problem(
            response.status_code, _words(error), code=_code(error), request_id=request_id
        )
    return Response(
        body,
        status=response.status_code,
        headers=_headers(response),
        content_type="application/problem+json",
    )


def _answer(
    status: int, message: str, code: str, fields: Any, request_id: str, error: DomainError
) -> Response:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
    body = problem(status, message, code=code, fields=fields, request_id=request_id)
    return Response(body, status=status, headers=headers, content_type="application/problem+json")


def _headers(response: Response) -> dict[str, str]:
    kept = ("Retry-After", "WWW-Authenticate", "Allow")
    return {name: response.headers[name] for name in kept if name in response.headers}


def _words(error: Exception) -> str:
    if isinstance(error, Http404):
        return "There is no such object, or you may not see it."
    if isinstance(error, PermissionDenied):
        return "You may not do this."
    return str(getattr(error, "detail", "The request could not be handled."))


def _code(error: Exception) -> str:
    if isinstance(error, Http404):
        return "not_found"
    return str(getattr(error, "default_code", "forbidden"))


def _flatten(data: Any, prefix: str = "") -> dict[str, list[str]]:
    if isinstance(data, dict):
        flat: dict[str, list[str]] = {}
        for key, value in data.items():
            flat |= _flatten(value, f"{prefix}.{key}" if prefix else str(key))
        return flat
    if isinstance(data, list) and data and isinstance(data[0], dict | list):
        flat = {}
        for index, value in enumerate(data):
            flat |= _flatten(value, f"{prefix}.{index}" if prefix else str(index))
        return flat
    values = data if isinstance(data, list) else [data]
    return {prefix or "non_field_errors": [str(value) for value in values]}


def client_request(request: Any) -> HttpRequest:
    """Return Django's request behind DRF's."""
    return getattr(request, "_request", request)
