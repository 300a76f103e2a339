"""The children of `make run` under honcho, and what honcho by itself would not notice."""

import http.client
import multiprocessing
import os
import queue
import shlex
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import psutil
from honcho.manager import Manager
from honcho.printer import Message

from restai_site.embedded import processes

LOOK_SECONDS = 0.5
ENDED_BY_ITSELF = (
    "{} has ended by itself: stopping everything. Nothing is lost; `make run` goes on."
)


class Queue(Protocol):
    """What honcho uses of its queue of events."""

    def put(self, message: Message) -> None:
        """Add `message`."""

    def get(self, *, timeout: float) -> Message:
        """Return the next message; raises queue.Empty after `timeout` seconds."""


class Supervisor:
    """Runs children until one of them, or of the engines started earlier, ends; then ends the rest.

    honcho reads the output of a child through a process of its own, and believes the child alive
    until that output closes. So three deaths escape it: that of an engine, that of a child whose
    own children still hold the output, and that of the reading process. This looks for them each
    time that honcho asks for the next event.
    """

    def __init__(
        self, engines: Mapping[str, psutil.Process], *, is_up: Callable[[], bool], greeting: str
    ) -> None:
        self._manager = Manager()
        self._queue: Queue = self._manager.events
        self._manager.events = self
        self._engines = dict(engines)
        self._is_up = is_up
        self._greeting = greeting
        self._names: set[str] = set()
        self._leaders: dict[str, int] = {}
        self._stopped: set[str] = set()
        self._next_look = 0.0
        self._is_asked_to_end = False

    def add(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Add a child."""
        self._names.add(name)
        self._manager.add_process(name, f"exec {shlex.join(command)}", env=dict(environment))

    def run(self) -> int:
        """Start the children; return the exit status when all have ended: 0 if a person asked."""
        end_all = self._manager.terminate
        self._manager.terminate = self._end_when_started(end_all)
        self._manager.loop()
        asked = {128 + signal.SIGINT, 128 + signal.SIGTERM}
        status = int(self._manager.returncode or 0)
        return 0 if status in asked else 1

    def put(self, message: Message) -> None:
        """Pass an event on to honcho."""
        self._queue.put(message)

    def get(self, *, timeout: float) -> Message:
        """Return the next event, as honcho's own queue does, after a look around."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_SECONDS
            self._look()
        try:
            message = self._queue.get(timeout=timeout)
        except queue.Empty:
            message = self._death_of_a_reader()
        if message.type == "start":
            self._leaders[message.name] = message.data["pid"]
        elif message.type == "stop":
            self._stopped.add(message.name)
            if not self._is_asked_to_end:
                print(ENDED_BY_ITSELF.format(message.name), flush=True)
        return message

    def _end_when_started(self, end_all: Callable[[], None]) -> Callable[[], None]:
        """Return a form of `end_all` that waits until honcho knows all its children."""

        def ask() -> None:
            self._is_asked_to_end = True
            if self._names <= self._leaders.keys():
                end_all()

        return ask

    def _look(self) -> None:
        if self._is_asked_to_end:
            self._manager.terminate()
        for name, engine in list(self._engines.items()):
            if not processes.is_alive(engine):
                del self._engines[name]
                self._end(ENDED_BY_ITSELF.format(name))
        for name in self._leaders.keys() - self._stopped:
            if not _is_alive(self._leaders[name]):
                _end_group(self._leaders[name])
        if self._greeting and self._is_up():
            print(self._greeting, flush=True)
            self._greeting = ""

    def _end(self, sentence: str) -> None:
        print(sentence, flush=True)
        if self._manager.returncode is None:
            self._manager.returncode = 1
        self._manager.terminate()

    def _death_of_a_reader(self) -> Message:
        readers = {child.name for child in multiprocessing.active_children()}
        for name in self._leaders.keys() - self._stopped - readers:
            _end_group(self._leaders[name])
            return _stop_message(name)
        raise queue.Empty


def answers(host: str, port: int) -> bool:
    """Return whether the web server of `host` and `port` answers."""
    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _stop_message(name: str) -> Message:
    data: dict[str, Any] = {"returncode": -signal.SIGKILL}
    return Message(type="stop", data=data, time=datetime.now(UTC), name=name, colour=None)


def _is_alive(number: int) -> bool:
    try:
        return processes.is_alive(psutil.Process(number))
    except psutil.NoSuchProcess:
        return False


def _end_group(number: int) -> None:
    try:
        os.killpg(number, signal.SIGKILL)
    except ProcessLookupError:
        return
