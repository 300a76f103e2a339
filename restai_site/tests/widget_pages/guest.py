"""Somebody in front of a page of another website that holds the tag of a widget."""

from contextlib import contextmanager

from playwright.sync_api import expect

from restai_site.tests.browser import open_browser
from restai_site.tests.host_page import OPEN_SHADOW


class Guest:
    """Somebody in front of a page of the site."""

    def __init__(self, chromium, site, *, opens=True, **options):
        self.site = site
        self.visitor = open_browser(chromium, site.origin, None, **options)
        self.page = self.visitor.page
        self.requests = []
        self.page.on("request", self.note)
        if opens:
            self.page.context.add_init_script(OPEN_SHADOW)

    def note(self, request):
        self.requests.append(request.url)

    def go(self, path="/shop"):
        self.page.goto(self.site.origin + path, wait_until="load")

    def open(self):
        self.page.get_by_role("button", name="Open the chat").click()

    def say(self, text):
        self.page.get_by_role("dialog").get_by_role("textbox").first.fill(text)
        self.page.keyboard.press("Enter")

    def answer(self):
        return self.page.locator(".answer > div:first-child").last

    def settled(self):
        expect(self.page.get_by_role("button", name="Send", exact=True)).to_be_visible()

    @property
    def foreign(self):
        """Return what was asked of any other host than the page's and the server's."""
        known = (self.site.origin, self.site.server, "data:", "blob:")
        return [url for url in self.requests if not url.startswith(known)]


def tag(site, key, path="/widget/chat.js", **attributes):
    more = "".join(f' data-{name}="{value}"' for name, value in attributes.items())
    return f'<script src="{site.server}{path}" data-widget="{key}"{more} async></script>'


def at_the_chat(guest, site, key):
    """Return somebody who has opened the chat at a page of the site."""
    site.html = tag(site, key)
    one = guest()
    one.go()
    one.open()
    return one


@contextmanager
def no_trouble(one):
    yield
    bad = [line for line in one.visitor.troubles if not line.startswith("a request to")]
    assert bad == []
