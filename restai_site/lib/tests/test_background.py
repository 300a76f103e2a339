"""Work is queued when it is committed, and where the queue is away, that is said."""

import pytest
from django.db import transaction

from accounts.tasks import mail_notice
from restai_site.celery import app
from restai_site.lib.background import QUEUE_AWAY, enqueue
from restai_site.lib.errors import Unavailable
from restai_site.tests.background import queue_away, waiting


@pytest.fixture(autouse=True)
def _nothing_queued():
    waiting()


@pytest.fixture(name="queue_away")
def _queue_away():
    with queue_away():
        yield


@pytest.mark.django_db(transaction=True)
def test_a_job_is_queued_when_its_transaction_is_committed_and_not_before():
    with transaction.atomic():
        enqueue(mail_notice, "password_changed", "ada@example.org")
        assert app_queue_length() == 0
    (job,) = waiting()
    assert (job.task, job.args) == (
        "accounts.mail_notice",
        ["password_changed", "ada@example.org"],
    )


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_queues_nothing():
    with transaction.atomic():
        enqueue(mail_notice, "password_changed", "ada@example.org")
        transaction.set_rollback(True)
    assert waiting() == []


@pytest.mark.django_db(transaction=True)
def test_without_the_queue_it_is_said_in_words(queue_away):
    with pytest.raises(Unavailable) as refused:
        enqueue(mail_notice, "password_changed", "ada@example.org")
    assert (refused.value.status, refused.value.message) == (503, QUEUE_AWAY)


def app_queue_length():
    with app.connection_for_read() as broker:
        return broker.default_channel.client.llen(app.conf.task_default_queue)
