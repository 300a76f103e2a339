"""Fixtures of the tests of accounts."""

import django_otp.oath
import pytest
from django.core.cache import cache

from accounts.tests.factors import Clock
from restai_site.tests.background import waiting
from restai_site.tests.mailbox import mail_set_up

PASSWORD = "unusual staple of horses"


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """A clock that stands until it is told to go on, for the library of one-time codes."""
    made = Clock()
    monkeypatch.setattr(django_otp.oath, "time", made)
    return made


@pytest.fixture
def mailbox(db):
    """A mail server, an empty queue, and nothing counted by the limits in Redis."""
    cache.clear()
    waiting()
    with mail_set_up():
        yield


@pytest.fixture
def viewer(world):
    """Somebody who signs in by a password."""
    world.viewer.set_password(PASSWORD)
    world.viewer.save(update_fields=["password"])
    return world.viewer
