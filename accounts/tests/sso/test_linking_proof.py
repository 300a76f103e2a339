"""To link an account, a session that was left open is not enough."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Session

PASSWORD = "unusual staple of horses"
LINK = "/profile/security/links/company"


@pytest.fixture
def company(add, world):
    """A provider that can be linked."""
    return add()


@pytest.fixture
def left_open(company, world, as_user):
    """Return the browser of somebody who signed in an hour ago."""
    world.viewer.set_password(PASSWORD)
    world.viewer.save(update_fields=["password"])
    browser = as_user(world.viewer)
    Session.objects.update(created_at=timezone.now() - timedelta(hours=1))
    return browser


def goes_to_the_provider(answer) -> bool:
    return answer.status_code == 200 and 'http-equiv="refresh"' in answer.content.decode()


def test_right_after_signing_in_nothing_more_is_asked(company, world, as_user):
    assert goes_to_the_provider(as_user(world.viewer).post(LINK))


def test_later_the_password_is_asked_for(left_open):
    answer = left_open.post(LINK)
    assert answer.status_code == 200
    assert not goes_to_the_provider(answer)
    assert 'name="password"' in answer.content.decode()
    assert goes_to_the_provider(left_open.post(LINK, {"password": PASSWORD}))


@pytest.mark.parametrize("password", ["", "wrong"])
def test_without_it_nobody_goes_on(left_open, password):
    answer = left_open.post(LINK, {"password": password})
    assert answer.status_code == 400
    assert not goes_to_the_provider(answer)


def test_whoever_has_neither_password_nor_factor_signs_in_again(left_open, world):
    world.viewer.set_unusable_password()
    world.viewer.save(update_fields=["password"])
    answer = left_open.post(LINK)
    assert (answer.status_code, answer.url) == (302, "/profile/security")
    assert "Log in again first" in left_open.get("/profile/security").content.decode()
