"""The tabs of the settings: the sections of all apps, and pages that are no section."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from restai_site.lib.configuration import sections
from restai_site.ui.tables import tab

ABOUT = "about"
# Beside the section of sign-in: pages of one order are sorted by their slugs.
PROVIDERS_PAGE = "authentication-providers"


@dataclass(frozen=True)
class SettingsPage:
    """A page among the settings; `order` as of sections."""

    slug: str
    title: str
    route: str
    order: int


_pages: dict[str, SettingsPage] = {
    ABOUT: SettingsPage(ABOUT, "About", "about", 1000),
}


def add_page(slug: str, title: str, route: str, *, order: int) -> None:
    """Show the page of the route `route` among the settings; called when an app is ready."""
    _pages[slug] = SettingsPage(slug, title, route, order)


def tabs_of_settings(current: str) -> list[dict[str, Any]]:
    """Return the tabs of all sections and pages; `current` is the slug of one."""
    tabs = [
        (one.order, one.slug, one.title, reverse("configuration:section", args=[one.slug]))
        for one in sections()
    ]
    tabs += [(one.order, one.slug, one.title, reverse(one.route)) for one in _pages.values()]
    return [tab(title, url, is_current=slug == current) for _, slug, title, url in sorted(tabs)]
