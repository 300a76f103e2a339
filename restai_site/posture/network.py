"""What the security posture asks of the ways to the platform and to its engines."""

from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.db import connection
from psycopg.pq import Conninfo

from restai_site.lib.posture import (
    Area,
    Finding,
    State,
    check,
    failed,
    good,
    is_this_machine,
    variable,
)

# As hstspreload.org asks.
HSTS_SECONDS_MIN = 31_536_000
VERIFYING = frozenset({"verify-ca", "verify-full"})


def _is_local() -> bool:
    return is_this_machine(urlsplit(settings.PUBLIC_URL).hostname or "")


def _is_https() -> bool:
    return urlsplit(settings.PUBLIC_URL).scheme == "https"


@check("public-url", "TLS for people", Area.NETWORK, State.CRITICAL)
def public_url() -> Finding:
    if _is_https():
        return good(f"People come by TLS: {settings.PUBLIC_URL}.")
    remedy = variable("PUBLIC_URL")
    if _is_local():
        reason = (
            f"PUBLIC_URL is {settings.PUBLIC_URL}: enough on this machine, and for nobody else."
        )
        return failed(reason, remedy, state=State.ADVICE)
    reason = f"People come without TLS, to {settings.PUBLIC_URL}: passwords can be read on the way."
    return failed(reason, remedy)


@check("hsts", "HSTS", Area.NETWORK, State.WARNING)
def hsts() -> Finding:
    seconds = settings.SECURE_HSTS_SECONDS
    if seconds >= HSTS_SECONDS_MIN and _is_https():
        return good(f"Browsers are told to use TLS alone for {seconds // 86_400} days.")
    reason = "Browsers are not told to use TLS alone: HSTS comes with a PUBLIC_URL of https://."
    state = State.ADVICE if _is_local() else None
    return failed(reason, variable("PUBLIC_URL"), state=state)


@check("cookies", "Flags of cookies", Area.NETWORK, State.WARNING)
def cookies() -> Finding:
    flags = {
        "Secure": settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE,
        "HttpOnly": settings.SESSION_COOKIE_HTTPONLY and settings.CSRF_COOKIE_HTTPONLY,
        "SameSite": settings.SESSION_COOKIE_SAMESITE and settings.CSRF_COOKIE_SAMESITE,
    }
    missing = [name for name, is_set in flags.items() if not is_set]
    if not missing:
        return good("Cookies are Secure, HttpOnly and SameSite.")
    reason = f"Cookies lack {' and '.join(missing)}: they are Secure with a PUBLIC_URL of https://."
    harmless = _is_local() and missing == ["Secure"]
    return failed(reason, variable("PUBLIC_URL"), state=State.ADVICE if harmless else None)


@check("allowed-hosts", "Host names", Area.NETWORK, State.WARNING)
def allowed_hosts() -> Finding:
    if "*" in settings.ALLOWED_HOSTS:
        reason = (
            "ALLOWED_HOSTS contains *: the platform answers under any name, also a foreign one."
        )
        return failed(reason, variable("ALLOWED_HOSTS"))
    return good(f"The platform answers under {len(settings.ALLOWED_HOSTS)} host names, no others.")


@check("proxies", "Trusted proxies", Area.NETWORK, State.WARNING)
def proxies() -> Finding:
    count, remedy = settings.TRUSTED_PROXY_COUNT, variable("TRUSTED_PROXY_COUNT")
    if _is_https() and not count:
        reason = (
            "PUBLIC_URL is https:// and TRUSTED_PROXY_COUNT is 0: the audit trail holds the "
            "address of the proxy instead of people's, and HSTS is not sent."
        )
        return failed(reason, remedy)
    if count and _is_local():
        reason = (
            f"TRUSTED_PROXY_COUNT is {count} and PUBLIC_URL is this machine: without a proxy, "
            "anybody can choose the address that the audit trail holds."
        )
        return failed(reason, remedy)
    return good(f"The number of proxies that are believed, {count}, fits PUBLIC_URL.")


@check("database-tls", "TLS to PostgreSQL", Area.NETWORK, State.CRITICAL)
def database_tls() -> Finding:
    host = str(connection.settings_dict["HOST"])
    if all(is_this_machine(one) for one in host.split(",")):
        return good("PostgreSQL runs on this machine.")
    mode = connection.settings_dict["OPTIONS"].get("sslmode") or _libpq_default("sslmode")
    if mode in VERIFYING:
        return good(f"PostgreSQL is reached over TLS, and its certificate is checked ({mode}).")
    remedy = variable("DATABASE_URL")
    if mode == "require":
        reason = (
            "PostgreSQL is reached over TLS without a look at its certificate: use verify-full."
        )
        return failed(reason, remedy, state=State.WARNING)
    reason = f"PostgreSQL on another machine may be reached without TLS (sslmode {mode})."
    return failed(reason, remedy)


def _libpq_default(keyword: str) -> str:
    """Return what libpq takes where the URL is silent: PGSSLMODE and the like count."""
    values = {option.keyword.decode(): option.val for option in Conninfo.get_defaults()}
    return (values.get(keyword) or b"").decode()


@check("redis-tls", "TLS and password of Redis", Area.NETWORK, State.CRITICAL)
def redis_tls() -> Finding:
    parts = urlsplit(settings.REDIS_URL)
    remedy = variable("REDIS_URL")
    if parts.scheme == "unix" or is_this_machine(parts.hostname or ""):
        if parts.scheme != "unix" and not parts.password:
            reason = "Redis on this machine has no password: every account here can read its queue."
            return failed(reason, remedy, state=State.WARNING)
        return good("Redis runs on this machine.")
    lacks = ["TLS"] * (parts.scheme != "rediss") + ["a password"] * (not parts.password)
    if lacks:
        return failed(f"Redis on another machine is reached without {' and '.join(lacks)}.", remedy)
    if "none" in parse_qs(parts.query).get("ssl_cert_reqs", []):
        reason = "Redis is reached over TLS without a look at its certificate."
        return failed(reason, remedy, state=State.WARNING)
    return good("Redis is reached over TLS, with a password.")
