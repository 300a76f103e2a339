"""Base classes for the REST API."""

import logging
import math
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import IntegrityError, models
from django.http import Http404
from rest_framework import exceptions, pagination, parsers, renderers, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from restai_site.lib.actor import Actor
from restai_site.lib.crypto import EncryptedJSONField, EncryptedTextField
from restai_site.lib.errors import Conflict, DomainError, Invalid, NotFound, Unauthenticated
from restai_site.lib.http import error_headers, problem, problem_of
from restai_site.lib.json import parse_json
from restai_site.lib.rate_limit import PER_MINUTE_MAX
from restai_site.lib.requests import is_from_administrator

logger = logging.getLogger(__name__)
MASK = "********"
SIGN_IN = "Sign in, or send an API key as a bearer token."
PROBLEM_TYPE = "application/problem+json"
LARGEST_ID = 2**63 - 1
# No body of this API has more than three levels.
NESTING_MAX = 32
# The framework's words for what the services call otherwise.
OUR_CODES = {
    "not_authenticated": "unauthenticated",
    "authentication_failed": "unauthenticated",
    "permission_denied": "forbidden",
    "parse_error": "bad_json",
}


def actor_of(request: Request) -> Actor:
    """Return who sent the request; raises Unauthenticated where nobody is known."""
    if not isinstance(request.auth, Actor):
        raise Unauthenticated(SIGN_IN)
    return request.auth


class StrictJSONParser(parsers.JSONParser):
    """JSON by orjson: no NaN, no lone surrogates, no NUL, and no deep nesting."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        value = parse_json(stream.read())
        if _is_deeper_than(NESTING_MAX, value):
            raise Invalid(f"The JSON is nested deeper than {NESTING_MAX} levels.", code="bad_json")
        return value


def _is_deeper_than(limit: int, value: Any) -> bool:
    # Level by level: fields of the framework write values out, and fail where the stack ends.
    level = [value]
    for _ in range(limit + 1):
        parts = [item for item in level if isinstance(item, dict | list)]
        if not parts:
            return False
        level = [
            inner for part in parts for inner in (part.values() if isinstance(part, dict) else part)
        ]
    return True


class _CheckedPageSize:
    """Refuses a page size that makes no sense, instead of quietly taking another one."""

    page_size: Any = 50
    max_page_size: Any = 200
    page_size_query_param: Any = "page_size"

    def get_page_size(self, request: Request) -> int:
        raw = request.query_params.get(self.page_size_query_param)
        if raw is None:
            return int(self.page_size)
        if raw.isascii() and raw.isdigit() and len(raw) < 5 and 0 < int(raw) <= self.max_page_size:
            return int(raw)
        message = f"Choose a page size from 1 to {self.max_page_size}."
        raise Invalid(message, fields={self.page_size_query_param: [message]})


class PagePagination(_CheckedPageSize, pagination.PageNumberPagination):
    """Pages of 50 unless asked otherwise, 200 at most."""


class NewestFirstCursor(_CheckedPageSize, pagination.CursorPagination):
    """For tables that grow without end: the same cost on every page."""

    ordering = "-id"

    def decode_cursor(self, request: Request) -> Any:
        """Return the cursor; refuses one whose position is no id, as the base class does not."""
        cursor = super().decode_cursor(request)
        position: Any = cursor.position if cursor else None
        if position is not None and not _is_id(position):
            raise exceptions.NotFound(self.invalid_cursor_message)
        return cursor


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST_ID


class SecretField(serializers.CharField):
    """Takes a secret and never gives it back: answers carry only the mask.

    `set_at` names the column that says since when there is a secret: then a list opens none.
    """

    def __init__(self, *, set_at: str = "", **kwargs: Any) -> None:
        self.set_at = set_at
        kwargs.setdefault("allow_blank", True)
        kwargs.setdefault("required", False)
        kwargs.setdefault("max_length", 4096)
        kwargs.setdefault("trim_whitespace", True)
        super().__init__(**kwargs)

    def get_attribute(self, instance: Any) -> Any:
        """Return what tells whether there is a secret."""
        if self.set_at:
            return getattr(instance, self.set_at) is not None
        return super().get_attribute(instance)

    def to_representation(self, value: Any) -> str:
        return MASK if value else ""


class SecretJSONField(serializers.JSONField):
    """Takes a secret JSON value and never gives it back."""

    def to_representation(self, value: Any) -> str:
        return MASK if value else ""


def settle_secret(values: dict[str, Any], name: str) -> dict[str, Any]:
    """Return `values` with what they say about the secret `name` settled.

    The mask, or nothing, written back keeps the stored secret; `clear_<name>: true` removes it.
    """
    values = dict(values)
    if values.pop(f"clear_{name}", False):
        values[name] = ""
    elif values.get(name) in (MASK, ""):
        del values[name]
    return values


class NumberField(serializers.FloatField):
    """A finite number; the base class takes text, among it "nan", which JSON cannot give back."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        number = super().to_internal_value(data)
        return number if math.isfinite(number) else self.fail("invalid")


class PerMinuteField(serializers.IntegerField):
    """A limit of requests per minute; null: none."""

    def __init__(self, **kwargs: Any) -> None:
        given = {"min_value": 1, "max_value": PER_MINUTE_MAX, "allow_null": True, "required": False}
        super().__init__(**{**given, **kwargs})


class ModelSerializer(serializers.ModelSerializer[Any]):
    """Base of all serializers of rows: fields are listed, numbers are numbers."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.FloatField: NumberField,
        EncryptedTextField: SecretField,
        EncryptedJSONField: SecretJSONField,
    }


class VisibleField(serializers.PrimaryKeyRelatedField[Any]):
    """Names a row by its id. A row that the actor may not see is as good as missing."""

    default_error_messages = {
        "does_not_exist": "There is no such object, or you may not see it.",
        "incorrect_type": "Send the id of the object, a whole number.",
    }

    def __init__(self, **kwargs: Any) -> None:
        # Without it 1.7 names the object with the id 1.
        kwargs.setdefault("pk_field", serializers.IntegerField())
        super().__init__(**kwargs)

    def get_queryset(self) -> Any:
        rows: Any = super().get_queryset()
        request = self.context.get("request")
        if rows is None or request is None:
            return rows
        return rows.visible_to(actor_of(request))


class ProblemRenderer(renderers.JSONRenderer):
    """Problem details, whatever the client would rather have."""

    media_type = PROBLEM_TYPE


def problem_details(error: Exception, context: dict[str, Any]) -> Response | None:
    """Render every error of the API as problem details (RFC 9457)."""
    # The framework's views import this module by its name in the settings.
    from rest_framework.views import exception_handler

    request = context["request"]
    request_id = getattr(request, "request_id", "")
    error = _of_a_race(error)
    if isinstance(error, DomainError):
        told = error.told_to(administrator=is_from_administrator(request))
        answer = _answer(told, request_id)
    else:
        response = exception_handler(error, context)
        if response is None:
            return None
        answer = _from_framework(error, response, request_id)
    # The views' own renderers would answer in HTML, or refuse.
    request.accepted_renderer, request.accepted_media_type = ProblemRenderer(), PROBLEM_TYPE
    return answer


def _of_a_race(error: Exception) -> Exception:
    """Return what an error means that only another request at the same time can cause."""
    if isinstance(error, ObjectDoesNotExist):
        return NotFound("This was deleted a moment ago.")
    if isinstance(error, IntegrityError):
        logger.warning("A write met another one: %s", error)
        return Conflict("This was changed by somebody else a moment ago; read it again.")
    return error


def _answer(error: DomainError, request_id: str) -> Response:
    return Response(
        problem_of(error, request_id),
        status=error.status,
        headers=error_headers(error),
        content_type=PROBLEM_TYPE,
    )


def _from_framework(error: Exception, response: Response, request_id: str) -> Response:
    status = response.status_code
    if isinstance(error, exceptions.ValidationError):
        fields = _flatten(response.data)
        words = "Some fields need attention."
        body = problem(400, words, code="invalid", fields=fields, request_id=request_id)
    else:
        body = problem(status, _words(error), code=_code(error), request_id=request_id)
    headers = _headers(response)
    return Response(body, status=status, headers=headers, content_type=PROBLEM_TYPE)


def _headers(response: Response) -> dict[str, str]:
    kept = ("Retry-After", "WWW-Authenticate", "Allow")
    return {name: response.headers[name] for name in kept if name in response.headers}


def _words(error: Exception) -> str:
    if isinstance(error, Http404):
        return "There is no such object, or you may not see it."
    if isinstance(error, PermissionDenied):
        return "You may not do this."
    if isinstance(error, exceptions.NotAuthenticated):
        return SIGN_IN
    return str(getattr(error, "detail", "The request could not be handled."))


def _code(error: Exception) -> str:
    if isinstance(error, Http404):
        return "not_found"
    code = str(getattr(error, "default_code", "forbidden"))
    return OUR_CODES.get(code, code)


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
