"""Headless Chromium for tests: pages as people see them, and what they must never do."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from restai_site.tests.clients import start_session

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = (Path(__file__).parent / "assets" / "axe.min.js").read_text(encoding="utf-8")
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# A monitor and a telephone, a light page and a dark one. What only fails in the other two is rare,
# and each look at each page costs seconds.
EACH_LOOK = pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
PATIENCE_MILLISECONDS = 20_000


@dataclass
class Visitor:
    """A person at a browser. `troubles` collects what no page may cause."""

    page: Page
    address: str
    troubles: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        self.page.on("request", self._note_request)

    def _note_console(self, message) -> None:
        expected = "Failed to load resource" in message.text
        if message.type in {"error", "warning"} and not expected:
            self.troubles.append(f"console: {message.text}")

    def _note_request(self, request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.troubles.append(f"a request to {request.url}")

    def go(self, path: str) -> None:
        self.page.goto(self.address + path, wait_until="load")
        self.page.wait_for_function("document.fonts.ready.then(() => true)")

    def axe(self) -> list[str]:
        """Return the violations that axe finds, one line each."""
        # By the debugger's channel: the page's own policy allows no foreign script.
        channel = self.page.context.new_cdp_session(self.page)
        channel.send("Runtime.evaluate", {"expression": AXE})
        found = self.page.evaluate(
            f"axe.run(document, {json.dumps({'runOnly': AXE_RULES})}).then(r => r.violations)"
        )
        channel.detach()
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found
            for node in one["nodes"]
        ]

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")


def open_browser(
    browser: Browser, address: str, user: User | None, *, width: int = 1280, scheme: str = "light"
) -> Visitor:
    """Return somebody at a fresh browser, signed in as `user`."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, base_url=address
    )
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    if user is not None:
        cookie = start_session(user)
        context.add_cookies([{"name": "session", "value": cookie, "url": address}])
    visitor = Visitor(context.new_page(), address)
    visitor.watch()
    return visitor


def say(page, text):
    """Write to the composer of a chat and send it."""
    page.fill("#composer-text", text)
    page.keyboard.press("Enter")


def settled(page, count=1):
    """Wait until this many answers are whole."""
    expect(page.locator(".message-assistant:not([aria-busy]) .message-tools")).to_have_count(count)
