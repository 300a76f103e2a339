"""Fixtures of the tests of accounts."""

import django_otp.oath
import pytest

from accounts.tests.factors import Clock

PASSWORD = "unusual staple of horses"


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """A clock that stands until it is told to go on, for the library of one-time codes."""
    made = Clock()
    monkeypatch.setattr(django_otp.oath, "time", made)
    return made


@pytest.fixture
def viewer(world):
    """Somebody who signs in by a password."""
    world.viewer.set_password(PASSWORD)
    world.viewer.save(update_fields=["password"])
    return world.viewer
