"""Fixtures of all tests."""

import pytest
from django.core.cache import cache
from django.db import connection

from accounts.sessions import tokens
from restai_site.lib import configuration
from restai_site.tests.background import waiting
from restai_site.tests.clients import AuditedAPIClient, AuditedClient
from restai_site.tests.mailbox import mail_set_up
from restai_site.tests.server import Server
from restai_site.tests.stored_settings import believe_that_nothing_is_stored
from restai_site.tests.world import World, make_key, make_world


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Let transactional tests empty the tables, which the audit trail refuses by itself."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for table in ("audit_entry", "audit_seal"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_no_truncate")


@pytest.fixture(autouse=True)
def _no_setting_is_stored(settings):
    """Begin with no platform setting stored; read them after a change, and not by the clock."""
    settings.SETTINGS_REFRESH_MILLISECONDS = 3_600_000
    believe_that_nothing_is_stored()
    yield
    configuration.forget()


@pytest.fixture(autouse=True)
def _a_real_server_knows_the_key_of_cookies(request):
    """Sign by a key that is in the tables: those of an earlier test have been emptied since."""
    if "server" in request.fixturenames:
        tokens.forget_keys()


@pytest.fixture
def world(db) -> World:
    return make_world()


@pytest.fixture
def client() -> AuditedClient:
    """A browser that has not signed in."""
    return AuditedClient()


@pytest.fixture
def as_user():
    """Return a function: the browser of a signed-in user."""

    def sign_in(user) -> AuditedClient:
        browser = AuditedClient()
        browser.force_login(user)
        return browser

    return sign_in


@pytest.fixture
def api() -> AuditedAPIClient:
    """A program without a credential."""
    return AuditedAPIClient()


@pytest.fixture
def api_as():
    """Return a function: a program that calls with a fresh key of the user."""

    def with_key_of(user) -> AuditedAPIClient:
        return AuditedAPIClient().with_key(make_key(user)[1])

    return with_key_of


@pytest.fixture
def mailbox(db):
    """A mail server, an empty queue, and nothing counted by the limits in Redis."""
    cache.clear()
    waiting()
    with mail_set_up():
        yield


@pytest.fixture
def use_keys(settings):
    """Return a function that sets the keys of FIELD_ENCRYPTION_KEY, newest first."""

    def use(*keys: str) -> None:
        settings.FIELD_ENCRYPTION_KEY = list(keys)

    return use


@pytest.fixture(scope="session")
def server(django_db_setup, django_db_blocker):
    """A real ASGI server; use it with `transactional_db`, so that it sees what the test made."""
    with django_db_blocker.unblock(), Server() as running:
        yield running
