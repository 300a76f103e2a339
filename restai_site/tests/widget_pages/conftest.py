"""A widget, the website that may use it, and whoever comes there."""

import pytest

from benchmarks.mock_provider import MockProvider
from catalog.models import LLM
from restai_site.tests.host_page import HostPage
from restai_site.tests.loopback import loopback_port
from restai_site.tests.widget_pages.guest import Guest
from restai_site.tests.world import acting, make_world
from widget.services import create_widget


@pytest.fixture(scope="module")
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


@pytest.fixture
def world(transactional_db, provider):
    provider.requests.clear()
    world = make_world(provider.url)
    LLM.objects.filter(pk=world.llm.pk).update(litellm_model="echo")
    return world


@pytest.fixture
def site(server):
    with HostPage() as running:
        running.server = server.url
        yield running


@pytest.fixture
def made(world, site):
    """A widget that the site may use, and its key."""
    return create_widget(
        world.project, name="Help", allowed_origins=[site.origin], actor=acting(world.editor)
    )


@pytest.fixture
def guest(chromium, site):
    guests = []

    def come(**options):
        guests.append(Guest(chromium, site, **options))
        return guests[-1]

    yield come
    for one in guests:
        one.page.context.close()
        assert one.foreign == []
