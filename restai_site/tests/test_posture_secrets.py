"""What the security posture finds about the secrets in the environment; it never shows one."""

import pytest
from django.db import connection

from restai_site.embedded.installation import SECRETS
from restai_site.lib.env import PUBLISHED_SAMPLES
from restai_site.lib.posture import run
from restai_site.tests.posture import outcome, told
from restai_site.tests.world import make_user

LISTS = {"FIELD_ENCRYPTION_KEY", "AUDIT_KEY"}


@pytest.fixture
def values(settings):
    """Four good secrets, which the tests spoil."""
    for name, make in SECRETS.items():
        setattr(settings, name, [make()] if name in LISTS else make())
    return settings


def test_secrets_of_their_own_are_well(values):
    assert told(outcome("secrets-apart")) == (
        "good",
        "The 4 secrets of the platform differ, and none is a published one.",
    )


def test_two_equal_secrets_are_critical(values):
    values.API_KEY_PEPPER = values.SECRET_KEY
    result = outcome("secrets-apart")
    assert told(result) == (
        "critical",
        "SECRET_KEY and API_KEY_PEPPER share a value: who learns one has both.",
    )
    assert result.finding.remedy.variable == "API_KEY_PEPPER"


@pytest.mark.parametrize("name", ["SECRET_KEY", "API_KEY_PEPPER"])
def test_a_secret_that_contains_the_encryption_key_is_critical(name, values):
    setattr(values, name, f"{values.FIELD_ENCRYPTION_KEY[0]}-and-more")
    assert told(outcome("secrets-apart")) == (
        "critical",
        f"{name} and FIELD_ENCRYPTION_KEY share a value: who learns one has both.",
    )


@pytest.mark.parametrize("name", SECRETS)
def test_a_published_secret_is_critical(name, values):
    for sample in PUBLISHED_SAMPLES:
        setattr(values, name, [sample] if name in LISTS else sample)
        assert told(outcome("secrets-apart")) == (
            "critical",
            f"{name} is the published sample: everybody knows it.",
        )


def test_one_encryption_key_is_well(values):
    assert told(outcome("encryption-keys")) == ("good", "One encryption key is listed.")


def test_an_old_encryption_key_that_is_still_listed_is_worth_advice(values):
    values.FIELD_ENCRYPTION_KEY = [SECRETS["FIELD_ENCRYPTION_KEY"]() for _ in range(3)]
    state, reason = told(outcome("encryption-keys"))
    assert state == "advice"
    assert reason.startswith("3 encryption keys are listed: ")


@pytest.fixture
def passwords(monkeypatch, settings):
    """Return a function that sets the passwords of the engines; no connection is made by it."""

    def chosen(database, redis):
        values = {"USER": "Serving", "NAME": "store", "PASSWORD": database}
        for name, value in values.items():
            monkeypatch.setitem(connection.settings_dict, name, value)
        settings.REDIS_URL = f"redis://:{redis}@localhost/0"

    return chosen


@pytest.mark.parametrize(
    ("database", "redis", "named"),
    [
        ("Password", "aB3dE5", "DATABASE_URL has"),
        ("serving", "aB3dE5", "DATABASE_URL has"),
        ("store", "", "DATABASE_URL has"),
        ("aB3dE5", "foobared", "REDIS_URL has"),
        ("postgres", "redis", "DATABASE_URL and REDIS_URL have"),
    ],
)
def test_a_well_known_password_of_an_engine_is_critical(database, redis, named, passwords):
    passwords(database, redis)
    assert told(outcome("engine-passwords")) == (
        "critical",
        f"{named} a password that everybody tries first.",
    )


@pytest.mark.parametrize(("database", "redis"), [("aB3dE5", "fG6hI7"), ("", "")])
def test_other_passwords_of_the_engines_are_well(database, redis, passwords):
    passwords(database, redis)
    assert told(outcome("engine-passwords")) == (
        "good",
        "PostgreSQL and Redis are not opened by a well-known password.",
    )


@pytest.mark.django_db
def test_the_first_password_is_told_as_soon_as_it_does_nothing_any_more(settings):
    settings.ADMIN_PASSWORD = ""
    assert told(outcome("first-password")) == (
        "good",
        "No password of a person stands in the environment.",
    )
    settings.ADMIN_PASSWORD = "unusual staple of horses"
    assert told(outcome("first-password")) == (
        "good",
        "RESTAI_ADMIN_PASSWORD waits for the first start.",
    )
    make_user("somebody")
    result = outcome("first-password")
    assert result.state.value == "warning"
    assert result.finding.remedy.variable == "RESTAI_ADMIN_PASSWORD"


@pytest.mark.django_db
def test_no_secret_is_in_any_finding(values, passwords):
    make_user("somebody")
    values.ADMIN_PASSWORD = "unusual staple of horses"
    values.API_KEY_PEPPER = values.SECRET_KEY
    passwords("mysecretpassword", "foobared")
    secrets = [
        values.SECRET_KEY,
        values.ADMIN_PASSWORD,
        *values.FIELD_ENCRYPTION_KEY,
        "mysecretpassword",
        "foobared",
    ]
    report = run()
    text = str(report)
    assert report.counts
    assert [secret for secret in secrets if secret in text] == []
