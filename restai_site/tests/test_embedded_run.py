"""`make run` as a whole: started, asked, killed in every way, started again."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, build_opener

import openai
import psutil
import psycopg
import pytest

from restai_site.embedded import postgres, processes, valkey
from restai_site.tests.cors import EVIL, cors_headers
from restai_site.tests.waiting import eventually

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = [sys.executable, "-m", "restai_site.embedded.run"]
START_SECONDS = 90
STOP_SECONDS = 40
VARIABLES = re.findall(r"(?m)^#([A-Z_]+)=", (ROOT / ".env.example").read_text())


class Launcher:
    """One run of the launcher on a data folder."""

    def __init__(self, folder, **environment):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = folder
        # Empty is unset, and keeps a developer's .env out of the test.
        self.environment = dict.fromkeys(VARIABLES, "") | {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "RESTAI_DATA_DIR": str(folder),
            "WEB_PORT": str(self.port),
            **environment,
        }
        self.output = folder.with_name(f"output-{self.port}")
        started = time.monotonic()
        with self.output.open("wb") as stream:
            self.process = subprocess.Popen(
                COMMAND,
                cwd=ROOT,
                env=self.environment,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        self._wait_for("RESTai runs")
        self.seconds = time.monotonic() - started
        self.tree = psutil.Process(self.process.pid).children(recursive=True)

    @property
    def text(self):
        return self.output.read_text()

    @property
    def link(self):
        return re.search(r"RESTai runs\..* (http://\S+/setup/\S+)\n", self.text)[1]

    def _wait_for(self, words):
        deadline = time.monotonic() + START_SECONDS
        while words not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.05)

    def child(self, name):
        """Return the process of the child `name`, by honcho's own line about it."""
        number = int(re.search(rf"{name} started \(pid=(\d+)\)", self.text)[1])
        return next(process for process in self.tree if process.pid == number)

    def get(self, path):
        connection = http.client.HTTPConnection("localhost", self.port, timeout=10)
        connection.request("GET", path)
        return connection.getresponse().status

    def ensure_ended(self):
        if self.process.poll() is None:
            self.interrupt()

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS)

    def left(self):
        """Return what still runs of all that was started."""
        engine = postgres.running(self.folder / "postgres")
        mine = [process for process in self.tree if processes.is_alive(process)]
        return mine + processes.owned_by(self.folder) + ([engine] if engine else [])


@pytest.fixture(scope="module")
def folder():
    """One installation for the whole file: a later start must find the data of the earlier."""
    with tempfile.TemporaryDirectory(prefix="restai run ", dir="/tmp") as name:
        Path(name).chmod(0o711)
        data = Path(name) / "data"
        yield data
        processes.end(processes.owned_by(data))
        valkey.stop(data / "valkey")
        postgres.remove(data / "postgres")


@pytest.fixture
def launch(folder):
    """Return a function that starts the launcher; what a failed test leaves is ended."""
    with contextlib.ExitStack() as cleanup:

        def start(**environment):
            launcher = Launcher(folder, **environment)
            cleanup.callback(launcher.ensure_ended)
            return launcher

        yield start


@pytest.fixture(scope="module")
def running(folder):
    """A launcher that the tests ask and do not end."""
    launcher = Launcher(folder)
    yield launcher
    launcher.ensure_ended()


def web_database(folder):
    url = (folder / "secrets" / "DATABASE_WEB_URL").read_text().strip()
    return psycopg.connect(url, autocommit=True)


def confirm(folder, key):
    """Write a row as the serving role, and see it confirmed."""
    with web_database(folder) as connection:
        connection.execute("INSERT INTO accounts_attemptcounter VALUES (%s, 1, now(), NULL)", [key])


def confirmed(folder):
    with web_database(folder) as connection:
        rows = connection.execute("SELECT bucket FROM accounts_attemptcounter").fetchall()
    return {key for (key,) in rows}


def test_the_first_start_prints_a_link_that_opens(running):
    parts = urlsplit(running.link)
    assert (parts.hostname, parts.port) == ("localhost", running.port)
    assert running.get(parts.path) == 200
    assert running.get("/health/ready") == 200
    assert running.text.count("RESTai runs") == 1
    print(f"First start: {running.seconds:.1f} s")


def test_compressed_files_are_not_open_to_other_sites(running):
    page = Browser().get(f"http://localhost:{running.port}/login")
    files = re.findall(r'(?:href|src)="(/static/[^"#]+)', page)
    assert [name for name in files if re.search(r"\.[0-9a-f]{12}\.", name)]
    for name in files:
        connection = http.client.HTTPConnection("localhost", running.port, timeout=20)
        connection.request("GET", name, headers={"Origin": EVIL, "Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        assert answer.status == 200
        assert cors_headers(answer.headers.keys()) == []
        connection.close()


def test_a_second_run_on_the_same_data_is_refused_in_one_sentence(running, folder):
    second = subprocess.run(
        COMMAND, cwd=ROOT, env=running.environment, capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert second.stdout == ""
    assert second.stderr == (
        f"RESTai already runs with the data in {folder}: stop that one first, "
        "or set RESTAI_DATA_DIR to another folder.\n"
    )
    assert running.get("/health/live") == 200


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET action = ''",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "DELETE FROM django_migrations",
        "DROP TABLE audit_entry",
        "CREATE TABLE intruder (id integer)",
        "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
        "UPDATE audit_seal SET hash = ''",
        "DELETE FROM audit_seal",
        "TRUNCATE audit_seal",
        "INSERT INTO audit_unsealed VALUES (1)",
    ],
)
def test_the_serving_role_may_not(statement, running, folder):
    with web_database(folder) as connection:
        assert connection.execute("SELECT count(*) FROM audit_entry").fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_the_worker_seals_what_has_happened_and_tells_it_outside(running, folder):
    """The role that serves seals; the mark is a file of the installation, not of the database."""
    last = "SELECT number, hash FROM audit_seal ORDER BY number DESC LIMIT 1"
    file = folder / "audit-checkpoint.json"

    def is_told():
        with web_database(folder) as connection:
            left = connection.execute("SELECT count(*) FROM audit_unsealed").fetchone()
            sealed = connection.execute(last).fetchone()
        told = json.loads(file.read_text()) if file.exists() else {}
        return left == (0,) and sealed == (told.get("number"), told.get("hash"))

    assert eventually(is_told, seconds=30)


class Browser:
    """As much of a browser as set-up needs: cookies, and forms with their token."""

    def __init__(self):
        self.opener = build_opener(HTTPCookieProcessor())

    def get(self, url):
        return self.opener.open(url, timeout=60).read().decode()

    def submit(self, url, **fields):
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(url))[1]
        body = urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
        return self.opener.open(url, body, timeout=60)


def test_a_newcomer_without_a_key_chats_on_a_real_model_from_curl_and_the_official_client(running):
    """The main job: the link, the first page, an API key, and answers of a model that thinks."""
    browser = Browser()
    first = browser.submit(
        running.link, name="Ada", email="ada@example.org", password="correct horse battery staple"
    )
    chat_page = first.geturl()
    project = re.search(r"/projects/(\d+)/chat$", chat_page)[1]
    assert "First steps" in first.read().decode()
    base = f"http://localhost:{running.port}"
    new = {"name": "newcomer", "lifetime": "90", "scope": "full", "reach": "everything"}
    made = browser.submit(f"{base}/profile/keys", **new).read().decode()
    key = re.search(r"rk_[\w-]{43}", made)[0]
    curl = subprocess.run(
        [
            *(
                "curl",
                "--silent",
                "--fail",
                "--max-time",
                "120",
                f"{base}/api/projects/{project}/chat",
            ),
            *("--header", f"Authorization: Bearer {key}"),
            *("--header", "Content-Type: application/json"),
            *("--data", '{"message": "Say hello."}'),
        ],
        capture_output=True,
        check=True,
    )
    answer = json.loads(curl.stdout)
    assert answer["message"].strip()
    assert answer["usage"]["completion_tokens"] > 0
    client = openai.OpenAI(base_url=f"{base}/v1", api_key=key, timeout=120)
    stream = client.chat.completions.create(
        model=f"project/{project}",
        messages=[{"role": "user", "content": "What is the capital of France?"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    # What so small a model says differs from processor to processor; that it is a sentence of its
    # own, in several pieces and counted by the model's server, does not.
    assert len(text.split()) >= 2
    assert text.strip() != answer["message"].strip()
    assert chunks[-1].usage.completion_tokens > 2
    assert chunks[-1].usage.prompt_tokens > 20
    with pytest.raises(HTTPError, match="404"):
        browser.get(running.link)


class TestAfterIt:
    """Ends and starts; each test leaves the installation stopped."""

    @pytest.fixture(autouse=True)
    def _nothing_runs(self, running):
        running.ensure_ended()

    def test_ctrl_c_stops_everything_and_the_next_start_finds_its_data(self, launch, folder):
        launcher = launch()
        confirm(folder, "before-ctrl-c")
        assert launcher.interrupt() == 0
        assert launcher.left() == []
        assert launcher.text.endswith("Everything has stopped.\n")
        again = launch()
        print(f"Second start: {again.seconds:.1f} s")
        assert "before-ctrl-c" in confirmed(folder)
        again.process.terminate()
        assert again.process.wait(STOP_SECONDS) == 0
        assert again.left() == []

    @pytest.mark.parametrize("name", ["web", "worker", "model", "PostgreSQL", "Valkey"])
    def test_a_killed_child_ends_all_with_a_sentence(self, name, launch, folder):
        launcher = launch(RESTAI_EMBEDDED_MODEL=str(int(name == "model")))
        confirm(folder, f"before-{name}-died")
        engines = {
            "PostgreSQL": lambda: postgres.running(folder / "postgres"),
            "Valkey": lambda: valkey.running(folder / "valkey"),
        }
        victim = engines[name]() if name in engines else launcher.child(name)
        victim.kill()
        assert launcher.process.wait(STOP_SECONDS) == 1
        assert f"{name} has ended by itself: stopping everything." in launcher.text
        assert launcher.left() == []
        postgres.start(folder / "postgres")
        assert f"before-{name}-died" in confirmed(folder)
        postgres.stop(folder / "postgres")

    def test_a_killed_launcher_and_a_killed_tree_are_healed(self, launch, folder):
        first = launch()
        confirm(folder, "before-launcher-died")
        first.process.kill()
        first.process.wait()
        second = launch()
        assert "processes that the last run left behind" in second.text
        assert not processes.is_alive(first.child("web"))
        assert "before-launcher-died" in confirmed(folder)
        confirm(folder, "before-all-died")
        engines = [postgres.running(folder / "postgres"), valkey.running(folder / "valkey")]
        for process in [psutil.Process(second.process.pid), *second.tree, *engines]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        second.process.wait()
        third = launch()
        assert {"before-launcher-died", "before-all-died"} <= confirmed(folder)
        assert third.get("/health/ready") == 200
        assert third.interrupt() == 0
        assert [*first.left(), *second.left(), *third.left()] == []


def test_a_port_that_was_asked_for_and_is_taken_is_named(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        environment = dict.fromkeys(VARIABLES, "") | {
            "PATH": os.environ["PATH"],
            "RESTAI_DATA_DIR": str(folder),
            "WEB_PORT": str(port),
        }
        refused = subprocess.run(
            COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
    assert refused.returncode == 1
    assert refused.stderr == (
        f"Port {port} of 127.0.0.1 is taken by another program: set WEB_PORT to a free one.\n"
    )


@pytest.fixture
def elsewhere():
    """A PostgreSQL and a Valkey that are somebody else's; yields their folder."""
    with tempfile.TemporaryDirectory(prefix="restai-other-", dir="/tmp") as name:
        Path(name).chmod(0o711)
        place = Path(name)
        postgres.start(place / "postgres", durable=False)
        valkey.start(place / "valkey", durable=False)
        yield place
        valkey.stop(place / "valkey")
        postgres.remove(place / "postgres")


def test_external_engines_leave_nothing_embedded_to_start(elsewhere):
    data = elsewhere / "data"
    owner = postgres.url(elsewhere / "postgres")
    launcher = Launcher(
        data,
        DATABASE_URL=postgres.url(elsewhere / "postgres", postgres.WEB_ROLE),
        DATABASE_OWNER_URL=owner,
        REDIS_URL=valkey.url(elsewhere / "valkey"),
        RESTAI_EMBEDDED_MODEL="0",
    )
    try:
        assert launcher.get("/health/ready") == 200
        assert sorted(path.name for path in data.iterdir() if path.is_dir()) == [
            "secrets",
            "staticfiles",
        ]
        assert "Starting PostgreSQL" not in launcher.text
        assert "Starting Valkey" not in launcher.text
        assert "model started" not in launcher.text
        assert {"web", "worker"} == set(re.findall(r"(\w+) started \(pid", launcher.text))
    finally:
        assert launcher.interrupt() == 0
    assert postgres.running(elsewhere / "postgres") is not None
    assert valkey.running(elsewhere / "valkey") is not None
