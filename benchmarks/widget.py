"""`make bench-widget`: how large the widget's script is, and how long until a visitor can open it.

A page of another origin is loaded in headless Chromium, each time in a fresh context with nothing
cached, in turns without the tag and with it. Time to interactive is from the beginning of the
navigation until the bubble can be clicked; the floor is the same page's `load` event without the
tag. Server, database and browser share the machine.
"""

import os
import statistics
import sys
import time
from typing import Any

import django

ROUNDS = 15


def main() -> int:
    """Print sizes and times."""
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    django.setup()
    from django.core.management import call_command

    from widget.script import script

    call_command("migrate", verbosity=0)
    found = script()
    print(f"script           {len(found.content):7,} bytes, {len(found.compressed):,} compressed")
    floors, times = _measured()
    floor, interactive = statistics.median(floors), statistics.median(times)
    print(f"page without it  {floor:7.0f} ms to its load event (median of {ROUNDS})")
    print(f"time to open it  {interactive:7.0f} ms, {interactive - floor:+.0f} ms")
    return 0


def _measured() -> tuple[list[float], list[float]]:
    from playwright.sync_api import sync_playwright

    from restai_site.tests.browser import ARGUMENTS, CHROMIUM
    from restai_site.tests.host_page import OPEN_SHADOW, HostPage
    from restai_site.tests.server import Server
    from restai_site.tests.world import acting, make_world
    from widget.services import create_widget

    world = make_world()
    with Server() as server, HostPage() as site, sync_playwright() as driver:
        _, key = create_widget(
            world.project, name="b", allowed_origins=[site.origin], actor=acting(world.editor)
        )
        tag = f'<script src="{server.url}/widget/chat.js" data-widget="{key}" async></script>'
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        floors, times = [], []
        for _ in range(ROUNDS + 1):
            site.html = "<p>Shop</p>"
            floors.append(_visit(browser, site.origin, OPEN_SHADOW, is_floor=True))
            site.html = f"<p>Shop</p>{tag}"
            times.append(_visit(browser, site.origin, OPEN_SHADOW, is_floor=False))
        browser.close()
    # The first of each warms up server and browser.
    return floors[1:], times[1:]


def _visit(browser: Any, address: str, opening: str, *, is_floor: bool) -> float:
    context = browser.new_context()
    context.add_init_script(opening)
    page = context.new_page()
    began = time.monotonic()
    page.goto(address, wait_until="load")
    if not is_floor:
        page.get_by_role("button", name="Open the chat").wait_for()
    took = (time.monotonic() - began) * 1000
    context.close()
    return took


if __name__ == "__main__":
    sys.exit(main())
