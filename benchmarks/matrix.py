"""`make bench-matrix`: what the permissions matrix costs with 10,000 users and 1,000 projects.

One web worker over HTTP. The floor is the bare SELECT of the same rows, read by a server-side
cursor and thrown away, in turns with the file.
"""

import http.client
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import django
import psutil

from restai_site.embedded import web
from restai_site.tests.server import free_port

USERS, TEAMS, PROJECTS, KEYS = 10_000, 200, 1_000, 4_000
ADMINISTRATORS = 20
MODELS = 40
ROUNDS, FILES = 21, 5
AIM_PAGE_MS = 300.0
FIRST_PAGES = ("JSON, first page (50 users)", "page, list")
AIM_FILE_SECONDS = 20.0
# What one portion and its text may take; the whole file is several times as large.
AIM_GROWTH_MB = 32.0
PIECE_BYTES = 65_536
HOST = "127.0.0.1"


def main() -> int:
    """Build the world, measure, print. Returns 1 where an aim is missed."""
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    build()
    print(f"built in {time.perf_counter() - began:.0f} s: {_sizes()}")
    key, cookie = _credentials()
    with _server() as (port, worker):
        missed = _pages(port, {"Authorization": f"Bearer {key}"}, {"Cookie": cookie})
        return int(_file(port, {"Authorization": f"Bearer {key}"}, worker) or missed)


# --- The world


def build() -> None:
    """Fill the tables: people in one to four teams each, some added to projects by name."""
    from accounts.models import User
    from projects.models import Project, ProjectMember
    from teams.models import Membership, Team

    random = Random(1)
    teams = Team.objects.bulk_create(
        Team(name=f"Team {number:03}", slug=f"team-{number}") for number in range(TEAMS)
    )
    models = _models(teams)
    users = User.objects.bulk_create(
        (_user(number, random) for number in range(USERS)), batch_size=2000
    )
    projects = Project.objects.bulk_create(
        Project(
            team=teams[number % TEAMS],
            name=f"Project {number:04}",
            llm=models[number % MODELS],
            visibility=random.choice(Project.Visibility.values),
        )
        for number in range(PROJECTS)
    )
    members, assigned = [], []
    for user in users:
        for place in random.sample(range(TEAMS), random.randint(1, 4)):
            role = "admin" if random.random() < 0.04 else "member"
            members.append(Membership(user=user, team=teams[place], role=role))
            for project in projects[place::TEAMS]:
                if random.random() < 0.3:
                    role = random.choice(ProjectMember.Role.values)
                    assigned.append(ProjectMember(user=user, project=project, role=role))
    Membership.objects.bulk_create(members, batch_size=5000)
    ProjectMember.objects.bulk_create(assigned, batch_size=5000)
    _keys(users, projects, random)
    _analyze()


def _user(number: int, random: Random) -> Any:
    from accounts.models import User

    return User(
        email=f"user{number:05}@example.org",
        name=f"User {number}",
        password="!",
        # Two of them stand on the first page.
        is_platform_admin=number % (USERS // ADMINISTRATORS) == 0 or number == 1,
        is_restricted=random.random() < 0.05,
        is_active=number == 0 or random.random() > 0.03,
    )


def _models(teams: list[Any]) -> list[Any]:
    from catalog.models import LLM, ProviderAccount

    provider = ProviderAccount.objects.create(name="Bench", kind="openai")
    models = LLM.objects.bulk_create(
        LLM(name=f"model-{number}", provider=provider, litellm_model="m")
        for number in range(MODELS)
    )
    grants = teams[0].llms.through
    grants.objects.bulk_create(
        grants(team=team, llm=models[(place + step) % MODELS])
        for place, team in enumerate(teams)
        for step in range(8)
    )
    return models


def _keys(users: list[Any], projects: list[Any], random: Random) -> None:
    from accounts.models import ApiKey

    ApiKey.objects.bulk_create(
        ApiKey(
            user=users[number % USERS],
            name=f"Key {number}",
            digest=str(number),
            project_ids=[one.pk for one in random.sample(projects, 3)] if number % 2 else None,
        )
        for number in range(KEYS)
    )


def _analyze() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _sizes() -> str:
    from accounts.models import ApiKey, User
    from projects.models import Project, ProjectMember
    from teams.models import Membership, Team

    counted = (User, Project, Team, Membership, ProjectMember, ApiKey)
    return ", ".join(
        f"{model.objects.count():,} {model._meta.verbose_name_plural}" for model in counted
    )


def _credentials() -> tuple[str, str]:
    """Return an API key and the cookie of a session, of a platform administrator."""
    from django.conf import settings
    from django.utils import timezone

    from accounts.models import Session, User
    from accounts.services import create_api_key
    from accounts.sessions import tokens
    from restai_site.lib.actor import Actor

    user = User.objects.get(email="user00000@example.org")
    actor = Actor(user_id=user.pk, email=user.email, is_platform_admin=True, session_id=uuid4())
    _, key = create_api_key(user, name="bench", actor=actor)
    now = timezone.now()
    times = {"created_at": now, "last_seen_at": now, "expires_at": now + timedelta(hours=1)}
    session = Session.objects.create(user=user, amr=["pwd"], **times)
    return key, f"{settings.SESSION_COOKIE_NAME}={tokens.issue(session)}"


# --- Measuring


@contextmanager
def _server() -> Iterator[tuple[int, psutil.Process]]:
    port = free_port()
    variables = {**os.environ, "PUBLIC_URL": f"http://{HOST}:{port}"}
    process = psutil.Popen(web.command(HOST, port), env=variables)
    try:
        while _closed(port):
            time.sleep(0.1)
        yield port, process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _closed(port: int) -> bool:
    try:
        _get(port, "/health/live", {})
    except OSError:
        return True
    return False


def _get(port: int, path: str, headers: dict[str, str]) -> int:
    """Return the bytes of the answer. Raises RuntimeError where it is no success."""
    connection = http.client.HTTPConnection(HOST, port, timeout=120)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
    return len(body)


def _pages(port: int, key: dict[str, str], cookie: dict[str, str]) -> bool:
    """Print how long pages take, and return whether one takes too long."""
    from projects.models import Project

    project = Project.objects.earliest("pk")
    asked = [
        (FIRST_PAGES[0], "/permissions/matrix", key),
        ("JSON, 200 users", "/permissions/matrix?page_size=200", key),
        ("JSON, last page", f"/permissions/matrix?page={USERS // 50}", key),
        ("JSON, one team", f"/permissions/matrix?team={project.team_id}", key),
        ("JSON, one project", f"/permissions/matrix?project={project.pk}", key),
        ("JSON, who edits", "/permissions/matrix?access=edit", key),
        (FIRST_PAGES[1], "/permissions", cookie),
        ("page, grid of a team", f"/permissions?team={project.team_id}", cookie),
        ("page, an administrator", f"/permissions/users/{_first_user()}", cookie),
    ]
    missed = False
    for name, path, headers in asked:
        size, taken = _get(port, path, headers), []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            _get(port, path, headers)
            taken.append((time.perf_counter() - began) * 1000)
        middle, worst = statistics.median(taken), sorted(taken)[-2]
        missed |= name in FIRST_PAGES and middle > AIM_PAGE_MS
        print(f"{name:30} {middle:7.1f} ms, p95 {worst:7.1f} ms, {size / 1000:8.0f} kB")
    print(f"{'':30} aim for first pages: {AIM_PAGE_MS:.0f} ms at most (median)")
    return missed


def _first_user() -> int:
    from accounts.models import User

    return int(User.objects.earliest("email").pk)


def _file(port: int, headers: dict[str, str], worker: psutil.Process) -> bool:
    """Print what the file costs beside the bare rows; return whether an aim is missed."""
    # The first of both warms caches and connections.
    rounds = [(_download(port, headers, worker), _bare()) for _ in range(FILES + 1)][1:]
    seconds = statistics.median(file["seconds"] for file, _ in rounds)
    floor = statistics.median(bare for _, bare in rounds)
    growth = max(file["growth"] for file, _ in rounds)
    file = rounds[-1][0]
    size = file["bytes"] / 1e6
    print(f"{'CSV, everything':30} {seconds:7.2f} s (aim: {AIM_FILE_SECONDS:.0f} at most)")
    print(f"{'':30} {file['lines']:,.0f} rows, {size:.1f} MB")
    print(f"{'':30} first bytes after {file['first'] * 1000:.0f} ms")
    print(f"{'':30} worker grew by {growth:.1f} MB (aim: {AIM_GROWTH_MB:.0f} at most)")
    print(f"{'bare SELECT of the same rows':30} {floor:7.2f} s, so {seconds / floor:.1f} times")
    return seconds > AIM_FILE_SECONDS or growth > AIM_GROWTH_MB


def _download(port: int, headers: dict[str, str], worker: psutil.Process) -> dict[str, float]:
    before = peak = worker.memory_info().rss
    began = time.perf_counter()
    connection = http.client.HTTPConnection(HOST, port, timeout=120)
    connection.request("GET", "/permissions/matrix.csv", headers=headers)
    answer = connection.getresponse()
    first, size, lines = 0.0, 0, -1
    while piece := answer.read1(PIECE_BYTES):
        first = first or time.perf_counter() - began
        size, lines = size + len(piece), lines + piece.count(b"\n")
        peak = max(peak, worker.memory_info().rss)
    connection.close()
    return {
        "seconds": time.perf_counter() - began,
        "first": first,
        "bytes": size,
        "lines": lines,
        "growth": (peak - before) / 1e6,
    }


def _bare() -> float:
    """Return the seconds that the database and the driver take for the same rows."""
    from django.db import connection

    from projects.permissions.effective import PAIRS

    began = time.perf_counter()
    connection.ensure_connection()
    with connection.connection.transaction(), connection.connection.cursor("bare") as cursor:
        cursor.itersize = 2000
        cursor.execute(PAIRS + "TRUE")
        for _ in cursor:
            pass
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
