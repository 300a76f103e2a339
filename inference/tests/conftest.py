"""A provider that speaks real HTTP on loopback, and a world whose models are called there."""

import pytest

from benchmarks.mock_provider import MockProvider
from projects.services import update_project
from restai_site.tests.world import SYSTEM, make_world


@pytest.fixture(scope="session")
def provider():
    with MockProvider() as running:
        yield running


@pytest.fixture
def world(db, provider):
    provider.requests.clear()
    return make_world(provider.url)


@pytest.fixture
def unkept(world):
    """The same world, whose project keeps no conversations."""
    update_project(world.project, {"inference_logging": "off"}, actor=SYSTEM)
    return world
