"""All routes of the URLconf, as texts with named places for ids."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")
PLACE = re.compile(r"<(?:\w+:)?(\w+)>")
GROUP = re.compile(r"\(\?P<(\w+)>[^)]*\)")


@dataclass(frozen=True)
class Route:
    """`path` such as `/api/teams/<int:team_id>`; `places` are the names in it."""

    path: str

    @property
    def places(self) -> list[str]:
        return PLACE.findall(self.path)

    @property
    def is_json(self) -> bool:
        return self.path.startswith(("/api/", "/v1/", "/widget/<"))

    def filled(self, values: dict[str, str]) -> str:
        return PLACE.sub(lambda place: values[place[1]], self.path)


def all_routes() -> list[Route]:
    """Return every route once, sorted; health and static files are left out."""
    paths = {"/" + path for path in _walk(get_resolver().url_patterns, "")}
    return [Route(path) for path in sorted(paths) if not path.startswith("/health/")]


def route_names() -> set[str]:
    """Return the names of all routes, with their name spaces, as a request finds them."""
    return set(_names(get_resolver().url_patterns, ()))


def _names(entries: list[URLPattern | URLResolver], spaces: tuple[str, ...]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, URLResolver):
            inner = (*spaces, entry.namespace) if entry.namespace else spaces
            yield from _names(entry.url_patterns, inner)
        elif entry.name:
            yield ":".join((*spaces, entry.name))


def _walk(entries: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
    for entry in entries:
        text = prefix + _text(entry)
        if isinstance(entry, URLResolver):
            yield from _walk(entry.url_patterns, text)
        else:
            yield text


def _text(entry: URLPattern | URLResolver) -> str:
    text = str(entry.pattern)
    if isinstance(entry.pattern, RegexPattern):
        text = GROUP.sub(r"<\1>", text).strip("^$")
    return text
