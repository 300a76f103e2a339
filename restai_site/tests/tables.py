"""Looking into the tables and the cache themselves, past models and fields."""

import redis
from django.conf import settings
from django.db import connection


def tables_holding(text: str) -> list[str]:
    """Return the names of the tables in which some row contains `text`."""
    with connection.cursor() as cursor:
        found = []
        for table in connection.introspection.table_names(cursor):
            query = f'SELECT count(*) FROM "{table}" t WHERE strpos(t::text, %s) > 0'  # noqa: S608
            cursor.execute(query, [text])
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def keys_holding(text: str) -> list[str]:
    """Return the keys of the Redis database whose name or value contains `text`."""
    with redis.Redis.from_url(settings.REDIS_URL) as store:
        return [
            key.decode(errors="replace")
            for key in store.scan_iter(count=1000)
            if text.encode() in key + _value(store, key)
        ]


def _value(store: redis.Redis, key: bytes) -> bytes:
    kind = store.type(key)
    read = {
        b"string": lambda: store.get(key),
        b"list": lambda: store.lrange(key, 0, -1),
        b"set": lambda: store.smembers(key),
        b"hash": lambda: store.hgetall(key),
        b"zset": lambda: store.zrange(key, 0, -1),
        b"stream": lambda: store.xrange(key),
        b"none": lambda: None,  # it has expired meanwhile
    }[kind]
    return repr(read()).encode()


def everything_in_redis() -> bytes:
    """Return all keys and values of the Redis database, one after the other."""
    with redis.Redis.from_url(settings.REDIS_URL) as store:
        return b"\n".join(key + b" " + _value(store, key) for key in store.scan_iter(count=1000))
