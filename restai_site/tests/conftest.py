"""The browser of the tests in this folder."""

import pytest
from playwright.sync_api import sync_playwright

from restai_site.tests.browser import ARGUMENTS, CHROMIUM, open_browser


@pytest.fixture(scope="module")
def chromium():
    """One Chromium for a module: its driver keeps an event loop running in this thread."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as driver:
        # Django sees that loop and would refuse the database to the test itself.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(transactional_db, server, chromium):
    """Return a function: somebody at a fresh browser; no page may have caused trouble."""
    visitors = []

    def opened(user=None, **options):
        visitors.append(open_browser(chromium, server.url, user, **options))
        return visitors[-1]

    yield opened
    troubles = [trouble for visitor in visitors for trouble in visitor.troubles]
    for visitor in visitors:
        visitor.page.context.close()
    assert troubles == []
