"""What the tests of secrets share."""

import logging
from contextlib import contextmanager

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.db import connection

from projects.models import ProjectSecret
from projects.services import create_secret
from restai_site.lib.actor import Actor
from restai_site.tests.world import SYSTEM, acting

VALUE = 'hunter2-Ünïcode/+%"\\ \n& 秘密🔑'


def actor_of(user) -> Actor:
    return acting(user)


def keep(project, **values: str) -> dict[str, ProjectSecret]:
    """Make a secret of each name and value."""
    return {
        name: create_secret(project, name=name, value=value, actor=SYSTEM)
        for name, value in values.items()
    }


def stored(secret: ProjectSecret) -> str:
    """Return what the table holds of the value."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM projects_projectsecret WHERE id = %s", [secret.pk])
        return cursor.fetchone()[0]


def spoil(secret: ProjectSecret) -> None:
    """Make the stored value one that no key decrypts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE projects_projectsecret SET value = 'gAAAAnonsense' WHERE id = %s", [secret.pk]
        )


def lose_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server have another FIELD_ENCRYPTION_KEY than what is stored was written with."""
    monkeypatch.setattr(settings, "FIELD_ENCRYPTION_KEY", [Fernet.generate_key().decode()])


@contextmanager
def everything_logged(caplog):
    """Log all that can be logged, each statement to the database among it."""
    connection.force_debug_cursor = True
    try:
        with (
            caplog.at_level(logging.DEBUG),
            caplog.at_level(logging.DEBUG, logger="django.db.backends"),
        ):
            yield
    finally:
        connection.force_debug_cursor = False
