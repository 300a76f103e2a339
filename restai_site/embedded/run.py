"""`make run`: everything that a newcomer needs, in one command, stopped by one Ctrl-C."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from types import FrameType

import psutil

from restai_site.embedded import files, model, postgres, processes, valkey, web
from restai_site.embedded.installation import (
    ROOT,
    Installation,
    outer_environment,
    reachable,
)
from restai_site.embedded.supervisor import Supervisor, answers
from restai_site.lib.env import Environment

LEFTOVER_SECONDS = 3.0
# Who runs everything as root on purpose need not be told so at each start.
QUIET_AS_ROOT = "ignore:You're running the worker with superuser"


def main() -> int:
    """Start the engines, bring the database up to date, then run the programs until told to end."""
    os.chdir(ROOT)
    _end_on(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    installation = Installation(outer_environment())
    installation.lock()
    _more_open_files()
    _heal(installation)
    host, port = installation.web_address()
    with _engines(installation) as engines:
        inner = installation.inner_environment(host, port)
        _collect_files(installation, inner)
        greeting = _prepare(installation, inner)

        def is_up() -> bool:
            loaded = not installation.starts_model or model.is_ready(installation.model_folder)
            return loaded and answers(reachable(host), port)

        supervisor = Supervisor(engines, is_up=is_up, greeting=greeting)
        for name, command in _programs(installation, host, port).items():
            supervisor.add(name, command, inner)
        say("Starting the web server and the worker ...")
        try:
            return supervisor.run()
        finally:
            processes.end(processes.owned_by(installation.folder))


def say(sentence: str) -> None:
    """Print a line of progress at once."""
    print(sentence, flush=True)


def _end_on(*signals: signal.Signals) -> None:
    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in signals:
        signal.signal(number, leave)


def _heal(installation: Installation) -> None:
    """End what outlived a launcher that was killed; the engines look after themselves."""
    leftovers = processes.owned_by(installation.folder)
    if leftovers:
        say(f"Ending {len(leftovers)} processes that the last run left behind ...")
        processes.end(leftovers, seconds=LEFTOVER_SECONDS)


@contextlib.contextmanager
def _engines(installation: Installation) -> Iterator[dict[str, psutil.Process]]:
    """Run the engines that the operator does not bring; stop them at the end, PostgreSQL last."""
    running: dict[str, psutil.Process | None] = {}
    try:
        if installation.starts_postgres:
            say("Starting PostgreSQL ...")
            postgres.start(installation.postgres_folder)
            running["PostgreSQL"] = postgres.running(installation.postgres_folder)
        if installation.starts_valkey:
            say("Starting Valkey ...")
            valkey.start(installation.valkey_folder)
            running["Valkey"] = valkey.running(installation.valkey_folder)
        if installation.starts_model:
            model.prepare(installation.model_folder)
        yield {name: process for name, process in running.items() if process is not None}
    finally:
        _ignore(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        if installation.starts_valkey:
            valkey.stop(installation.valkey_folder)
        if installation.starts_postgres:
            postgres.stop(installation.postgres_folder)
        say("Everything has stopped.")


def _ignore(*signals: signal.Signals) -> None:
    """A second Ctrl-C must not leave half of it running."""
    for number in signals:
        signal.signal(number, signal.SIG_IGN)


def _collect_files(installation: Installation, inner: Mapping[str, str]) -> None:
    """Compress the files of the pages, and name them by their content, when they have changed."""
    target = installation.static_folder
    if files.is_current(target, ROOT):
        return
    say("Compressing the files of the pages ...")
    command = ("manage.py", "collectstatic", "--no-input", "--clear", "--verbosity", "0")
    _complete({**inner, "COLLECT_STATIC": "true"}, *command)
    files.mark_current(target, ROOT)


def _more_open_files() -> None:
    """Take as many open files as this account may have: each open stream needs two."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _prepare(installation: Installation, inner: Mapping[str, str]) -> str:
    """Migrate, give the serving role its rights, set up; return the line that says where to go."""
    owner = installation.owner_environment(inner)
    say("Bringing the database up to date ...")
    roles = [installation.web_role] if installation.has_owner_url else []
    _complete(owner, "-m", "restai_site.embedded.database", *roles)
    link = _complete(inner, "manage.py", "setup", "--print-link").strip()
    address = Environment(inner).text("PUBLIC_URL")
    if link:
        return f"RESTai runs. Make the first administrator here (the link works once): {link}"
    return f"RESTai runs: {address}"


def _complete(environment: Mapping[str, str], *words: str) -> str:
    """Run Python to its end and return its output; its errors have told the reason already."""
    done = subprocess.run(
        [sys.executable, *words],
        env=dict(environment),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        raise SystemExit("The start ended here: see the lines above.")
    return done.stdout


def _programs(installation: Installation, host: str, port: int) -> dict[str, list[str]]:
    """Return the command lines of the children by name."""
    workers = installation.env.integer("WEB_WORKERS", 1, least=1, most=64)
    processes_of_worker = installation.env.integer("WORKER_PROCESSES", 2, least=1, most=64)
    worker = [sys.executable, "-W", QUIET_AS_ROOT, "-m", "celery", "--quiet"]
    worker += ["--app", "restai_site.celery", "worker", "--beat"]
    worker += ["--concurrency", str(processes_of_worker), "--loglevel", "WARNING"]
    worker += ["--without-gossip", "--without-mingle"]
    programs = {"web": web.command(host, port, workers), "worker": worker}
    if installation.starts_model:
        name = installation.env.text("EMBEDDED_MODEL_NAME", model.NAME)
        programs["model"] = model.command(installation.model_folder, name)
    return programs


if __name__ == "__main__":
    sys.exit(main())
