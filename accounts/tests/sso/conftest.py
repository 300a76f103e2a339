"""A provider that lies, and a browser that goes to it and back."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache

from accounts.models import IdentityProvider
from accounts.services.providers import create_provider
from restai_site.tests.clients import AuditedClient
from restai_site.tests.identity_provider.lying import Lies, LyingProvider
from restai_site.tests.world import SYSTEM

ADDRESS = re.compile(r'http-equiv="refresh" content="0;url=([^"]+)"')


class Way:
    """A browser on its way to the provider and back."""

    def __init__(self, provider: LyingProvider) -> None:
        self.provider = provider
        self.browser = AuditedClient()
        self.slug = "company"

    def begin(self, start: str = "/sign-in/{}", **sent: str) -> dict[str, str]:
        """Go to the provider; return what its address holds."""
        answer = self.browser.post(start.format(self.slug), sent)
        assert answer.status_code == 200, answer.content
        address = unescape(ADDRESS.search(answer.content.decode())[1])
        self.address = address
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        self.provider.nonce = query.get("nonce", "")
        return query

    def back(self, **query: str):
        """Come back from the provider."""
        return self.browser.get(f"/sign-in/{self.slug}/callback", query)

    def go(self, **sent: str):
        """Go there and back."""
        return self.back(code="the-code", state=self.begin(**sent)["state"])


@pytest.fixture(scope="session")
def _liar():
    with LyingProvider() as running:
        yield running


@pytest.fixture
def liar(_liar):
    cache.clear()
    _liar.lies = Lies()
    _liar.forms.clear()
    _liar.requests.clear()
    return _liar


@pytest.fixture
def add(liar, db):
    """Return a function that lets people sign in by the liar."""

    def added(**values) -> IdentityProvider:
        return create_provider(liar.values(**values), actor=SYSTEM)

    return added


@pytest.fixture
def way(liar) -> Way:
    return Way(liar)
