"""What must hold when two requests meet."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Event
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client

from accounts.models import Session, User
from accounts.services import (
    delete_user,
    digest_of,
    make_link,
    reset_password,
    suspend_user,
    update_user,
)
from accounts.services.links import Purpose
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden
from restai_site.tests.background import waiting
from restai_site.tests.waiting import eventually, waiters_for_locks
from restai_site.tests.world import SYSTEM, make_user

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 5
PASSWORD = "unusual staple of horses"
NEW = "another staple of horses"


def actor_for(user):
    return Actor(user_id=user.pk, email=user.email, is_platform_admin=True, session_id=uuid4())


def demote(user, *, actor):
    update_user(user, {"is_platform_admin": False}, actor=actor)


def restrict(user, *, actor):
    update_user(user, {"is_restricted": True}, actor=actor)


def suspend(user, *, actor):
    suspend_user(user, actor=actor)


def delete(user, *, actor):
    delete_user(user, actor=actor)


def acting():
    return User.objects.filter(is_platform_admin=True, is_active=True, is_restricted=False)


@pytest.mark.parametrize("loss", [demote, restrict, suspend, delete])
def test_of_two_administrators_who_shut_out_each_other_one_stays(loss):
    for number in range(ROUNDS):
        User.objects.all().delete()
        pair = [make_user(f"{name}{number}", is_platform_admin=True) for name in "ab"]
        start = Barrier(2)

        def attempt(own, target, start=start):
            start.wait()
            try:
                loss(target, actor=actor_for(own))
            except (Conflict, Forbidden):
                return "refused"
            finally:
                connection.close()
            return "done"

        with ThreadPoolExecutor(2) as threads:
            outcomes = list(threads.map(attempt, pair, reversed(pair)))
        assert sorted(outcomes) == ["done", "refused"]
        assert acting().count() == 1


def test_administrators_who_lose_their_role_in_a_row_cannot_pass_it_on():
    """Three demote each other in a circle: whoever has lost the role first changes nothing."""
    for number in range(ROUNDS):
        User.objects.all().delete()
        three = [make_user(f"{name}{number}", is_platform_admin=True) for name in "abc"]
        start = Barrier(3)

        def attempt(own, target, start=start):
            start.wait()
            try:
                demote(target, actor=actor_for(own))
            except (Conflict, Forbidden):
                return
            finally:
                connection.close()

        with ThreadPoolExecutor(3) as threads:
            list(threads.map(attempt, three, [three[1], three[2], three[0]]))
        assert acting().count() >= 1


# --- A log-in that runs at the same moment ---------------------------------------------------


@pytest.fixture
def ada():
    waiting()
    user = make_user("ada")
    user.set_password(PASSWORD)
    user.save()
    return user


def log_in(email):
    """Log in from another thread, and tell what came of it."""
    try:
        return Client().post("/login", {"email": email, "password": PASSWORD}).status_code
    finally:
        connection.close()


@contextmanager
def meanwhile(change):
    """Hold the transaction of `change` open inside, after all that it does."""
    done, go_on = Event(), Event()

    def hold():
        try:
            with transaction.atomic():
                change()
                done.set()
                assert go_on.wait(30)
        finally:
            done.set()
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(hold)
        assert done.wait(30)
        try:
            yield
        finally:
            go_on.set()
        held.result()


def reset(user):
    token = make_link(user, Purpose.RESET, email=user.email).rpartition("/")[2]
    actor = Actor(user_id=None, email="", credential="none")
    return lambda: reset_password(digest_of(token), password=NEW, actor=actor)


CHANGES = {
    "suspension": lambda user: lambda: suspend_user(user, actor=SYSTEM),
    "deletion": lambda user: lambda: delete_user(user, actor=SYSTEM),
    "reset": reset,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_log_in_that_was_checked_before_a_change_does_not_outlive_it(ada, name):
    change = CHANGES[name](ada)
    with ThreadPoolExecutor(1) as threads:
        with meanwhile(change):
            answer = threads.submit(log_in, ada.email)
            eventually(waiters_for_locks, seconds=10)
        assert answer.result() != 302
    assert not Session.objects.exclude(user=None, pending_user=None).exists()


@pytest.mark.parametrize("name", CHANGES)
def test_at_whatever_moment_a_log_in_comes_no_session_survives_the_change(ada, name):
    change = CHANGES[name](ada)
    start = Barrier(2)

    def end():
        start.wait()
        try:
            change()
        finally:
            connection.close()

    def begin():
        start.wait()
        log_in(ada.email)

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(end), threads.submit(begin)]:
            done.result()
    assert not Session.objects.exclude(user=None, pending_user=None).exists()
