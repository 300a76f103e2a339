"""How a widget looks, on top of its team's branding."""

import base64
from typing import Any

from teams import colours
from teams.branding import branding_of
from widget.models import Widget


def looks_of(widget: Widget) -> dict[str, Any]:
    """Return what the script draws with. What is empty it says in the visitor's language."""
    branding = branding_of(widget.project.team)
    accent = widget.accent or branding.primary or colours.DEFAULT_PRIMARY
    return {
        "title": widget.title or branding.app_name or widget.project.name,
        "subtitle": widget.subtitle,
        "avatar": widget.avatar,
        # With the looks and not at an address of its own: pages need not allow images of ours.
        "picture": base64.b64encode(bytes(widget.picture)).decode(),
        "colours": colours_of(accent),
        "position": widget.position,
        "theme": widget.theme,
        "language": widget.language,
        "welcome": widget.welcome_message or branding.welcome_message,
        "starters": widget.starters,
        "placeholder": widget.placeholder,
        "privacy": widget.privacy_note,
        "privacy_url": widget.privacy_url if widget.privacy_url.startswith("https://") else "",
        "message_length": widget.message_length,
        "keeps": widget.project.keeps_conversations,
    }


def colours_of(accent: str) -> dict[str, dict[str, str]]:
    """Return the accent for each theme, moved until it can be read, and the ink upon it."""
    return {theme: _of_theme(accent, theme) for theme in colours.THEMES}


def _of_theme(accent: str, theme: str) -> dict[str, str]:
    # Links are written in it, so it is read as text; on buttons, black or white stands upon it.
    ground = colours.readable(accent, colours.HARDEST_GROUND[theme])
    return {"accent": ground, "ink": colours.text_on(ground)}
