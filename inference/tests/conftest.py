"""A provider that speaks real HTTP on loopback, and a world whose models are called there."""

import pytest

from benchmarks.mock_provider import MockProvider
from restai_site.tests.loopback import loopback_port
from restai_site.tests.world import make_world


@pytest.fixture(scope="session")
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


@pytest.fixture
def world(db, provider):
    provider.requests.clear()
    return make_world(provider.url)
