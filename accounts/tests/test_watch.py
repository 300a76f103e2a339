"""The watcher of answers that are being given: whom it asks about, how often, and what it ends."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import OperationalError, connection
from django.utils import timezone

from accounts import watch
from accounts.models import ApiKey, Session, User
from accounts.sessions import tokens
from accounts.watch import CredentialEnded
from restai_site.lib.actor import Actor
from restai_site.tests.clients import start_session
from restai_site.tests.world import make_key

PERIOD = 0.05


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setattr(watch, "LOOK_SECONDS", PERIOD)


class Questions:
    """Counts what the watcher asks; `fails` lets the database refuse it."""

    def __init__(self) -> None:
        self.count, self.fails = 0, False

    def __call__(self, execute, sql, params, many, context):
        if "watched_kind" in sql:
            self.count += 1
            if self.fails:
                raise OperationalError("The database is away.")
        return execute(sql, params, many, context)


@pytest.fixture
def questions():
    counted = Questions()
    with connection.execute_wrapper(counted):
        yield counted


async def words(number: int = 1000, pause: float = PERIOD / 5):
    for index in range(number):
        await asyncio.sleep(pause)
        yield index


def of_key(user) -> Actor:
    return Actor(user_id=user.pk, email="", api_key_id=make_key(user)[0].pk)


def of_session(user) -> Actor:
    return Actor(user_id=user.pk, email="", session_id=tokens.read(start_session(user)).sid)


def of_basic(user) -> Actor:
    return Actor(user_id=user.pk, email="", credential="basic")


async def listen(actor, source=None) -> tuple[int, bool]:
    """Return how many words came, and whether the credential ended them."""
    source = source or words()
    heard = 0
    try:
        async for _ in watch.pieces(actor, source):
            heard += 1
    except CredentialEnded:
        return heard, True
    finally:
        await source.aclose()
    return heard, False


async def told_and_others(actor, other, change):
    """Let two people listen, change something meanwhile, and return how each fared."""

    async def later():
        await asyncio.sleep(PERIOD * 2)
        await sync_to_async(change)()

    fared = await asyncio.gather(listen(actor, words(60)), listen(other, words(60)), later())
    return fared[:2]


@pytest.mark.parametrize("make", [of_key, of_session, of_basic])
def test_a_suspended_user_hears_no_more_and_another_goes_on(world, make):
    actor, other = make(world.viewer), make(world.member)
    change = User.objects.filter(pk=world.viewer.pk).update
    first, second = async_to_sync(told_and_others)(actor, other, lambda: change(is_active=False))
    assert (first[1], second) == (True, (60, False))
    assert 0 < first[0] < 60


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (of_key, lambda: ApiKey.objects.update(revoked_at=timezone.now())),
        (of_key, lambda: ApiKey.objects.update(expires_at=timezone.now())),
        (of_key, lambda: ApiKey.objects.all().delete()),
        (of_key, lambda: ApiKey.objects.update(rotated_at=timezone.now())),
        (of_session, lambda: Session.objects.all().delete()),
        (of_session, lambda: Session.objects.update(expires_at=timezone.now())),
        (of_session, lambda: Session.objects.update(impersonation_ends_at=timezone.now())),
    ],
)
def test_an_answer_ends_with_its_credential(world, make, change):
    first, second = async_to_sync(told_and_others)(
        make(world.viewer), of_basic(world.member), change
    )
    assert (first[1], second) == (True, (60, False))


def test_an_answer_goes_on_while_the_secret_before_still_works(world):
    now = timezone.now()
    until = {"rotated_at": now + timedelta(hours=1), "previous_until": now + timedelta(hours=2)}
    fared = async_to_sync(told_and_others)(
        of_key(world.viewer), of_basic(world.member), lambda: ApiKey.objects.update(**until)
    )
    assert fared == [(60, False)] * 2


def test_many_answers_are_asked_about_in_one_question_and_none_without_any(world, questions):
    actors = [make(user) for user in world.users().values() for make in (of_key, of_session)]

    async def run():
        heard = await asyncio.gather(*[listen(actor, words(22)) for actor in actors * 5])
        asked = questions.count
        await asyncio.sleep(PERIOD * 4)
        return heard, asked

    heard, asked = async_to_sync(run)()
    assert heard == [(22, False)] * len(heard)
    # Some four periods of the clock, however slow the machine is: never one for each answer.
    assert 1 <= asked < len(actors)
    assert questions.count <= asked + 1


def test_an_answer_that_is_over_at_once_is_not_asked_about(world, questions):
    async def run():
        heard = await listen(of_basic(world.viewer), words(2, pause=0))
        await asyncio.sleep(PERIOD * 3)
        return heard

    assert async_to_sync(run)() == (2, False)
    assert questions.count == 0


def test_while_the_database_is_away_answers_go_on_for_a_while_and_then_end(
    world, questions, monkeypatch
):
    questions.fails = True
    assert async_to_sync(listen)(of_basic(world.viewer), words(30)) == (30, False)
    assert questions.count > 1
    monkeypatch.setattr(watch, "UNKNOWN_SECONDS", PERIOD * 3)
    heard, ended = async_to_sync(listen)(of_basic(world.viewer))
    assert ended
    assert heard < 1000


def test_nobody_and_an_unknown_session_hear_nothing_for_long(world):
    for actor in (
        Actor(user_id=None, email=""),
        Actor(user_id=world.viewer.pk, email="", session_id=uuid4()),
    ):
        assert async_to_sync(listen)(actor)[1]


def test_a_client_that_hangs_up_is_told_from_a_credential_that_ends(world):
    async def run():
        task = asyncio.create_task(listen(of_basic(world.viewer)))
        await asyncio.sleep(PERIOD * 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async_to_sync(run)()


def test_a_whole_answer_ends_too_and_its_task_can_go_on(world):
    async def run():
        with pytest.raises(CredentialEnded):
            await watch.whole(Actor(user_id=None, email=""), asyncio.sleep(10))
        task = asyncio.current_task()
        assert task.cancelling() == 0
        return await watch.whole(of_basic(world.viewer), asyncio.sleep(0, "said"))

    assert async_to_sync(run)() == "said"


def test_a_listener_who_is_slow_gets_nothing_after_the_end(world):
    async def run():
        heard = watch.pieces(Actor(user_id=None, email=""), words())
        assert await anext(heard) == 0
        await asyncio.sleep(PERIOD * 3)
        with pytest.raises(CredentialEnded):
            await anext(heard)

    async_to_sync(run)()
