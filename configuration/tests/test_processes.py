"""Real processes: a change by one is believed by all others within a second."""

import http.client
import json
import os
import subprocess
import sys
import time

import pytest

from audit.models import Entry
from benchmarks.mock_provider import MockProvider
from restai_site.tests.loopback import loopback_port
from restai_site.tests.server import ROOT, Server, database_url
from restai_site.tests.world import make_key, make_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PATIENCE_SECONDS = 20


@pytest.fixture(scope="module")
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


@pytest.fixture(scope="module")
def two_processes(django_db_setup, django_db_blocker):
    """Two web processes that read settings as often as in production."""
    often = {"SETTINGS_REFRESH_MILLISECONDS": "500"}
    with django_db_blocker.unblock(), Server(**often) as one, Server(**often) as other:
        yield one, other


def manage(*words, **environment) -> str:
    """Run `manage.py settings` in a process of its own."""
    result = subprocess.run(
        [sys.executable, "manage.py", "settings", *words],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url(), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout


def status_of_call(server, key, seconds=PATIENCE_SECONDS) -> int:
    """Call a model and return the status; 0 where there is none within `seconds`."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=seconds)
    body = {"model": "alpha-llm", "messages": [{"role": "user", "content": "Hello?"}]}
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        return connection.getresponse().status
    except TimeoutError:
        return 0
    finally:
        connection.close()


def test_a_change_by_another_process_works_in_all_web_processes_within_a_second(
    two_processes, provider
):
    world = make_world(provider.url)
    key = make_key(world.member)[1]
    # Each has read the settings, and keeps them.
    assert [status_of_call(server, key) for server in two_processes] == [200, 200]
    world.llm.litellm_model = "hang"
    world.llm.save()
    assert [status_of_call(server, key, 3) for server in two_processes] == [0, 0]
    assert manage("set", "models.total_seconds", "1") == "models.total_seconds is changed.\n"
    time.sleep(1)
    assert [status_of_call(server, key) for server in two_processes] == [504, 504]
    assert Entry.objects.get(action="settings.update").changes == {
        "total_seconds": {"before": 600, "after": 1}
    }
    manage("unset", "models.total_seconds")
    time.sleep(1)
    assert [status_of_call(server, key, 3) for server in two_processes] == [0, 0]


def test_a_change_by_one_web_process_works_in_the_other_and_in_itself(two_processes, provider):
    world = make_world(provider.url)
    key, admin = make_key(world.member)[1], make_key(world.platform_admin)[1]
    assert [status_of_call(server, key) for server in two_processes] == [200, 200]
    world.llm.litellm_model = "hang"
    world.llm.save()
    connection = http.client.HTTPConnection("127.0.0.1", two_processes[0].port, timeout=10)
    headers = {"Authorization": f"Bearer {admin}", "Content-Type": "application/json"}
    connection.request("PATCH", "/api/settings/models", '{"total_seconds": 1}', headers)
    assert connection.getresponse().status == 200
    connection.close()
    assert status_of_call(two_processes[0], key) == 504
    time.sleep(1)
    assert status_of_call(two_processes[1], key) == 504


def test_the_environment_of_a_process_locks_a_value(provider):
    world = make_world(provider.url)
    world.llm.litellm_model = "hang"
    world.llm.save()
    manage("set", "models.total_seconds", "60")
    assert manage("get", "models.total_seconds", PROVIDER_TOTAL_SECONDS="7") == "7\n"
    listed = manage("list", PROVIDER_TOTAL_SECONDS="7")
    assert "models.total_seconds = 7  (fixed by PROVIDER_TOTAL_SECONDS)" in listed
    with Server(PROVIDER_TOTAL_SECONDS="1") as locked:
        assert status_of_call(locked, make_key(world.member)[1]) == 504


def test_a_secret_of_a_file_is_used_and_not_shown(tmp_path):
    file = tmp_path / "password"
    file.write_text("from-the-file\n")
    listed = manage("list", SMTP_PASSWORD_FILE=str(file))
    assert "mail.password = set  (fixed by SMTP_PASSWORD)" in listed
    assert "from-the-file" not in listed
