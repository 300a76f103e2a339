"""A provider that speaks real HTTP on loopback, and a world whose models are called there; and
servers of images.
"""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from benchmarks.mock_provider import MockProvider
from inference.tests.image_server import ImageServer
from projects.services import update_project
from restai_site.lib.configuration import overridden
from restai_site.lib.egress import NetworkSection
from restai_site.tests.loopback import loopback_port
from restai_site.tests.server import Server
from restai_site.tests.world import SYSTEM, make_key, make_world


@pytest.fixture(scope="session")
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


@pytest.fixture
def world(db, provider):
    provider.requests.clear()
    return make_world(provider.url)


@pytest.fixture(scope="module")
def talkative(django_db_setup, django_db_blocker, tmp_path_factory):
    """A server that writes down all it can."""
    log = tmp_path_factory.mktemp("talkative") / "server.log"
    settings = "restai_site.tests.talkative_settings"
    more = {"DEBUG": "true", "PYTHONASYNCIODEBUG": "1", "DJANGO_SETTINGS_MODULE": settings}
    with django_db_blocker.unblock(), Server(log=log, **more) as running:
        yield running


@pytest.fixture
def images():
    """A server of images that the platform may fetch from."""
    with ImageServer() as running, overridden(NetworkSection, fetch_hosts=[running.host]):
        yield running


@pytest.fixture
def stranger():
    """A server inside the network that nobody has listed; it counts who comes by."""
    with ImageServer() as running:
        yield running


@pytest.fixture
def unkept(world):
    """The same world, whose project keeps no conversations."""
    update_project(world.project, {"inference_logging": "off"}, actor=SYSTEM)
    return world


@pytest.fixture
def program(world, server):
    """A program with a key of the viewer's, in front of a real server."""
    headers = {"Authorization": f"Bearer {make_key(world.viewer)[1]}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=20) as client:
        yield client


@pytest.fixture
def threads():
    with ThreadPoolExecutor(16) as pool:
        yield pool
