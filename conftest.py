"""Fixtures of all tests."""

import pytest
from django.core.cache import cache
from django.db import connection

from accounts.sessions import tokens
from restai_site.lib import configuration
from restai_site.tests import canaries, hashing
from restai_site.tests.background import waiting
from restai_site.tests.clients import AuditedAPIClient, AuditedClient
from restai_site.tests.emptying import empty_patiently
from restai_site.tests.mailbox import mail_set_up
from restai_site.tests.quick_world import make_quick_world
from restai_site.tests.server import Server
from restai_site.tests.stored_settings import believe_that_nothing_is_stored
from restai_site.tests.world import World, make_key, make_world
from restai_site.trail import requests

hashing.make_quick()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Let transactional tests empty the tables, which the audit trail refuses by itself."""
    empty_patiently()
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for table in ("audit_entry", "audit_seal", "audit_cut"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_no_truncate")


@pytest.fixture(autouse=True)
def _no_setting_is_stored(settings):
    """Begin with no platform setting stored; read them after a change, and not by the clock."""
    settings.SETTINGS_REFRESH_MILLISECONDS = 3_600_000
    believe_that_nothing_is_stored()
    yield
    configuration.forget()


@pytest.fixture(autouse=True)
def _secrets_are_looked_for_as_long_as_they_live():
    with canaries.watching():
        yield


@pytest.fixture(autouse=True)
def _every_refusal_is_recorded(request, monkeypatch):
    """Let no refusal be one of a flood, as those of a test are that sends many within a minute."""
    if "floods" in request.fixturenames:
        return
    for name in ("REFUSALS_MAX", "UNKNOWN_REFUSALS_MAX", "ALL_UNKNOWN_REFUSALS_MAX"):
        monkeypatch.setattr(requests, name, 1_000_000)


@pytest.fixture
def floods():
    """Let a flood of refusals be what it is, and begin with none counted."""
    cache.clear()


@pytest.fixture(autouse=True)
def _a_real_server_knows_the_key_of_cookies(request):
    """Sign by a key that is in the tables: those of an earlier test have been emptied since."""
    if "server" in request.fixturenames:
        tokens.forget_keys()


@pytest.fixture
def world(request, db) -> World:
    """The cast; as the services make it where transactions end, for those have consequences."""
    if "world_by_services" in request.fixturenames:
        return request.getfixturevalue("world_by_services")
    return make_quick_world() if connection.in_atomic_block else make_world()


@pytest.fixture
def world_by_services(db) -> World:
    """The cast, and in the trail how it came to be."""
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
