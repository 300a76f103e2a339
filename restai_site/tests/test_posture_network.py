"""What the security posture finds about the ways to the platform and to its engines."""

import pytest
from django.db import connection

from restai_site.tests.posture import outcome, told

REMOTE = "http://chat.example.org"
SAFE = "https://chat.example.org"


def found(slug):
    state, _ = told(outcome(slug))
    return state


def test_tls_for_people_is_well(settings):
    settings.PUBLIC_URL = SAFE
    assert told(outcome("public-url")) == ("good", f"People come by TLS: {SAFE}.")


def test_people_who_come_without_tls_are_critical(settings):
    settings.PUBLIC_URL = REMOTE
    result = outcome("public-url")
    assert told(result) == (
        "critical",
        f"People come without TLS, to {REMOTE}: passwords can be read on the way.",
    )
    assert result.finding.remedy.variable == "PUBLIC_URL"


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://[::1]:8000"])
def test_an_address_on_this_machine_is_worth_advice(url, settings):
    settings.PUBLIC_URL = url
    assert told(outcome("public-url")) == (
        "advice",
        f"PUBLIC_URL is {url}: enough on this machine, and for nobody else.",
    )


def test_hsts_is_well_from_a_year_on(settings):
    settings.PUBLIC_URL = SAFE
    settings.SECURE_HSTS_SECONDS = 31_536_000
    assert told(outcome("hsts")) == (
        "good",
        "Browsers are told to use TLS alone for 365 days.",
    )


@pytest.mark.parametrize(
    ("url", "seconds", "state"),
    [
        (SAFE, 31_535_999, "warning"),
        (SAFE, 0, "warning"),
        (REMOTE, 31_536_000, "warning"),
        ("http://localhost", 0, "advice"),
    ],
)
def test_without_hsts_it_says_so(url, seconds, state, settings):
    settings.PUBLIC_URL = url
    settings.SECURE_HSTS_SECONDS = seconds
    assert found("hsts") == state


@pytest.fixture
def flagged(settings):
    settings.PUBLIC_URL = SAFE
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    return settings


def test_cookies_with_their_flags_are_well(flagged):
    assert told(outcome("cookies")) == ("good", "Cookies are Secure, HttpOnly and SameSite.")


@pytest.mark.parametrize(
    ("name", "value", "flag"),
    [
        ("SESSION_COOKIE_SECURE", False, "Secure"),
        ("CSRF_COOKIE_SECURE", False, "Secure"),
        ("SESSION_COOKIE_HTTPONLY", False, "HttpOnly"),
        ("CSRF_COOKIE_HTTPONLY", False, "HttpOnly"),
        ("SESSION_COOKIE_SAMESITE", None, "SameSite"),
        ("CSRF_COOKIE_SAMESITE", None, "SameSite"),
    ],
)
def test_a_cookie_without_a_flag_is_told(name, value, flag, flagged):
    setattr(flagged, name, value)
    state, reason = told(outcome("cookies"))
    assert state == "warning"
    assert reason.startswith(f"Cookies lack {flag}: ")


def test_cookies_on_this_machine_may_do_without_secure_alone(flagged):
    flagged.PUBLIC_URL = "http://localhost:8000"
    flagged.SESSION_COOKIE_SECURE = False
    assert found("cookies") == "advice"
    flagged.SESSION_COOKIE_HTTPONLY = False
    assert found("cookies") == "warning"


def test_any_host_name_is_told(settings):
    settings.ALLOWED_HOSTS = ["chat.example.org", "*"]
    assert told(outcome("allowed-hosts")) == (
        "warning",
        "ALLOWED_HOSTS contains *: the platform answers under any name, also a foreign one.",
    )


def test_listed_host_names_are_well(settings):
    settings.ALLOWED_HOSTS = ["chat.example.org", "localhost"]
    assert told(outcome("allowed-hosts")) == (
        "good",
        "The platform answers under 2 host names, no others.",
    )


@pytest.mark.parametrize(
    ("url", "count", "state"),
    [
        (SAFE, 1, "good"),
        (SAFE, 0, "warning"),
        (REMOTE, 0, "good"),
        ("http://localhost:8000", 0, "good"),
        ("http://localhost:8000", 1, "warning"),
    ],
)
def test_the_number_of_proxies_fits_the_address(url, count, state, settings):
    settings.PUBLIC_URL, settings.TRUSTED_PROXY_COUNT = url, count
    result = outcome("proxies")
    assert result.state.value == state
    assert str(count) in result.finding.reason


@pytest.fixture
def database(monkeypatch):
    """Return a function that says where the database is; no connection is made by it."""
    monkeypatch.delenv("PGSSLMODE", raising=False)

    def located(host, **options):
        monkeypatch.setitem(connection.settings_dict, "HOST", host)
        monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)

    return located


@pytest.mark.parametrize("host", ["", "/run/postgresql", "localhost", "127.0.0.1,::1"])
def test_a_database_on_this_machine_is_well(host, database):
    database(host, sslmode="disable")
    assert told(outcome("database-tls")) == ("good", "PostgreSQL runs on this machine.")


@pytest.mark.parametrize(
    ("host", "mode", "state"),
    [
        ("db.example.org", "verify-full", "good"),
        ("db.example.org", "verify-ca", "good"),
        ("db.example.org", "require", "warning"),
        ("db.example.org", "prefer", "critical"),
        ("db.example.org", "disable", "critical"),
        ("localhost,db.example.org", "prefer", "critical"),
    ],
)
def test_a_database_elsewhere_needs_tls(host, mode, state, database):
    database(host, sslmode=mode)
    assert found("database-tls") == state


def test_where_the_url_is_silent_the_default_of_libpq_counts(database, monkeypatch):
    database("db.example.org")
    assert told(outcome("database-tls")) == (
        "critical",
        "PostgreSQL on another machine may be reached without TLS (sslmode prefer).",
    )
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert found("database-tls") == "good"


@pytest.mark.parametrize(
    ("url", "state", "words"),
    [
        ("redis://:pw@127.0.0.1:6379/0", "good", "Redis runs on this machine."),
        ("unix:///run/redis.sock", "good", "Redis runs on this machine."),
        ("redis://localhost:6379/0", "warning", "has no password"),
        ("redis://:pw@redis.example.org", "critical", "is reached without TLS."),
        ("rediss://redis.example.org", "critical", "is reached without a password."),
        ("redis://redis.example.org", "critical", "is reached without TLS and a password."),
        ("rediss://:pw@redis.example.org", "good", "over TLS, with a password."),
        (
            "rediss://:pw@redis.example.org?ssl_cert_reqs=none",
            "warning",
            "without a look at its certificate",
        ),
    ],
)
def test_redis_elsewhere_needs_tls_and_a_password(url, state, words, settings):
    settings.REDIS_URL = url
    result = outcome("redis-tls")
    assert result.state.value == state
    assert words in result.finding.reason
    assert "pw" not in result.finding.reason
