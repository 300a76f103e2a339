"""What the schema says beyond what the views say themselves."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457), the shape of every error.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "example": "about:blank"},
        "title": {"type": "string", "example": "Bad Request"},
        "status": {"type": "integer", "example": 400},
        "detail": {"type": "string", "example": "Some fields need attention."},
        "code": {"type": "string", "example": "invalid"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "object",
            "description": "Messages for each field of the body, or parameter, that is wrong.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}


class ActorScheme(OpenApiAuthenticationExtension):  # type: ignore[misc]
    """The two ways in: an API key, or the session of somebody who has signed in."""

    target_class = "accounts.api.authentication.ActorAuthentication"
    name = ["apiKey", "session"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        """Return the two schemes, in the order of `name`."""
        from django.conf import settings

        cookie = {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
        return [{"type": "http", "scheme": "bearer", "bearerFormat": "rk_…"}, cookie]


def add_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Give every operation its errors (a postprocessing hook of drf-spectacular)."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = {"description": "An error.", "content": content}
    return result
