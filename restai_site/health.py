"""Health: live says that this process answers, ready that its engines do and its keys fit."""

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

from restai_site.lib import windows
from restai_site.lib.crypto.columns import unreadable_columns
from restai_site.lib.http import json_response


async def live(request: HttpRequest) -> HttpResponse:
    """Answer without touching anything else."""
    return json_response({"status": "ok"})


def ready(request: HttpRequest) -> HttpResponse:
    """Ask the database and Redis; 503 when one is away or the stored secrets cannot be read."""
    parts = {"database": _database_answers(), "redis": _redis_answers()}
    parts["secrets"] = parts["database"] and _secrets_open()
    answer = {name: "ok" if up else "unavailable" for name, up in parts.items()}
    # Where calls cannot be counted, those that a limit applies to are refused.
    parts["rate_limits"] = parts["redis"] and windows.is_answering()
    answer["rate_limits"] = "ok" if parts["rate_limits"] else "failing closed"
    well = all(parts.values())
    body = {"status": "ok" if well else "unavailable", **answer}
    return json_response(body, 200 if well else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _secrets_open() -> bool:
    try:
        return not unreadable_columns()
    except DatabaseError:
        return False


def _redis_answers() -> bool:
    try:
        cache.get("health")
    except RedisError:
        return False
    return True
