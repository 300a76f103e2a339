"""The trail is what is tested here, so the cast comes into being with its entries."""

import pytest


@pytest.fixture
def world(world_by_services):
    return world_by_services
