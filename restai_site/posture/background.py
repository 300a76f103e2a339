"""What the security posture asks of Redis and of the worker for background work."""

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from restai_site.lib.posture import Area, Finding, State, check, command, failed, good, unknown

PATIENCE_SECONDS = 1.0
AWAY = "Redis does not answer, so this could not be found out."
NO_WORKER = (
    "No worker has answered within a second: background work, such as clearing expired sessions, "
    "does not happen."
)


def _client() -> redis.Redis:
    """Return a client that gives up soon: a page waits for it."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=PATIENCE_SECONDS,
        socket_timeout=PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


@check("redis-persistence", "Persistence of Redis", Area.DATA, State.WARNING)
def persistence() -> Finding:
    remedy = command("redis-cli CONFIG SET appendonly yes", "Run, and set it in redis.conf")
    try:
        with _client() as client:
            if client.info("persistence")["aof_enabled"]:
                return good("Redis writes each change to its append-only file.")
            snapshots = _snapshots(client)
    except redis.RedisError:
        return unknown(AWAY)
    if snapshots is None:
        reason = "Redis has no append-only file, and does not tell whether it takes snapshots."
        return unknown(reason, remedy)
    if snapshots:
        return good("Redis takes snapshots.")
    reason = "Redis keeps nothing on disk: queued work and limits are lost when it stops."
    return failed(reason, remedy)


def _snapshots(client: redis.Redis) -> str | None:
    """Return when snapshots are taken; None where a managed Redis does not tell."""
    try:
        return client.config_get("save").get("save", "")
    except redis.ResponseError:
        return None


@check("workers", "Workers", Area.DEPLOYMENT, State.CRITICAL)
def workers() -> Finding:
    from restai_site.celery import app

    try:
        with _client() as client:
            client.ping()
    except redis.RedisError:
        # Celery itself would try again and again for longer than a page may take.
        return unknown(AWAY)
    limits = {
        "socket_connect_timeout": PATIENCE_SECONDS,
        "socket_timeout": 2 * PATIENCE_SECONDS,
    }
    with app.connection_for_write(settings.REDIS_URL, transport_options=limits) as broker:
        answers = app.control.ping(timeout=PATIENCE_SECONDS, limit=1, connection=broker)
    if answers:
        return good("A worker has answered.")
    start = "celery --app restai_site.celery worker --beat"
    return failed(NO_WORKER, command(start, "Start one"))
