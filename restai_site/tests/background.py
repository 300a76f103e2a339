"""The background of the tests: the real queue, and no worker that would run it by the clock."""

from dataclasses import dataclass
from typing import Any

from django.db import connection

from restai_site.celery import app


@dataclass(frozen=True)
class Job:
    """A message of the queue, as it lay there."""

    task: str
    args: list[Any]
    text: str


def waiting() -> list[Job]:
    """Take all jobs off the queue without running them."""
    _commit()
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


def _commit() -> None:
    """Do what waits for a commit that a test in a transaction never makes."""
    while connection.in_atomic_block and connection.run_on_commit:
        _, then, _ = connection.run_on_commit.pop(0)
        then()


def _queue() -> str:
    return app.conf.task_default_queue
