"""A widget at a website of its own, with models that are called by real HTTP on loopback."""

from dataclasses import dataclass, field

import pytest

from benchmarks.mock_provider import MockProvider
from restai_site.tests.clients import AuditedClient, post_for_stream
from restai_site.tests.loopback import loopback_port
from restai_site.tests.quick_world import make_quick_world
from restai_site.tests.world import acting
from widget.models import Widget
from widget.services import create_widget

SITE = "https://www.example.com"


@pytest.fixture(scope="session")
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


@pytest.fixture
def world(db, provider):
    provider.requests.clear()
    return make_quick_world(provider.url)


@dataclass
class Page:
    """A page of some website with the tag of a widget, as its script asks."""

    widget: Widget
    key: str
    origin: str | None = SITE
    token: str = ""
    client: AuditedClient = field(default_factory=AuditedClient)

    def headers(self, **more):
        found = {"Authorization": f"Bearer {self.key}", "Origin": self.origin}
        if self.token:
            found["X-Widget-Session"] = self.token
        return {name: value for name, value in {**found, **more}.items() if value is not None}

    def path(self, what):
        return f"/widget/{self.widget.public_id}/{what}"

    def ask(self, what, body=None, **headers):
        return self.client.post(
            self.path(what), body or {}, "application/json", headers=self.headers(**headers)
        )

    def begin(self, **body):
        answer = self.ask("session", body)
        assert answer.status_code == 200, answer.content
        self.token = answer.json()["token"]
        return answer.json()

    def say(self, message="Hello", /, **body):
        """Send a message; return the status, and the events as pairs of name and data."""
        headers = self.headers()
        key = headers.pop("Authorization").removeprefix("Bearer ")
        more = {name.replace("-", "_"): value for name, value in headers.items()}
        response, sent = post_for_stream(
            self.path("chat"), {"message": message, "stream": True, **body}, key=key, **more
        )
        return response, sent


@pytest.fixture
def page(world):
    widget, key = create_widget(
        world.project, name="Help", allowed_origins=[SITE], actor=acting(world.editor)
    )
    return Page(widget, key)
