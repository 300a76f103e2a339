"""The background of the tests: the real queue, and no worker that would run it by the clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection
from kombu import pools

from restai_site.celery import app
from restai_site.tests.server import free_port


@dataclass(frozen=True)
class Job:
    """A message of the queue, as it lay there."""

    task: str
    args: list[Any]
    text: str


def waiting() -> list[Job]:
    """Take all jobs off the queue without running them."""
    commit()
    jobs = []
    with app.connection_for_read() as broker, broker.SimpleQueue(_queue()) as queue:
        while True:
            try:
                message = queue.get(block=False)
            except queue.Empty:
                return jobs
            message.ack()
            text = f"{message.headers!r} {message.body!r}"
            jobs.append(Job(message.headers["task"], list(message.payload[0]), text))


def run_queued() -> list[Job]:
    """Run what is queued, and what that queues, as a worker does; return the jobs in order.

    A task that fails for good raises here. Retries follow at once.
    """
    done: list[Job] = []
    while jobs := waiting():
        for job in jobs:
            app.tasks[job.task].apply(args=job.args).get()
            done.append(job)
    return done


@contextmanager
def queue_away() -> Iterator[None]:
    """Have the broker where nothing listens."""
    before = app.conf.broker_url
    app.conf.broker_url = f"redis://127.0.0.1:{free_port()}/0"
    _reconnect()
    try:
        yield
    finally:
        app.conf.broker_url = before
        _reconnect()


def _reconnect() -> None:
    app.pool.force_close_all()
    app._pool = None
    app.amqp._producer_pool = None
    # Pools are kept for each address; one that was closed is of no use to whoever comes back.
    pools.reset()


def commit() -> None:
    """Do what waits for a commit that a test in a transaction never makes."""
    while connection.in_atomic_block and connection.run_on_commit:
        _, then, _ = connection.run_on_commit.pop(0)
        then()


def _queue() -> str:
    return app.conf.task_default_queue
