"""What API keys can be narrowed to. The apps above say what there is, each for its own rows.

An app declares the rows in its module `key_limits.py`:

    @limit(PROJECTS)
    def projects_of(actor: Actor) -> QuerySet[Any, Any]:
        return Project.objects.visible_to(actor).values_list("pk", "name", "team__name")
"""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet

from restai_site.lib.actor import Actor
from restai_site.lib.errors import Invalid

PROJECTS, TEAMS = "projects", "teams"
CHOICES_SHOWN = 200
PROJECTS_MAX = 100


class Choice(NamedTuple):
    """A row that a key can be narrowed to."""

    id: int
    name: str
    hint: str


Find = Callable[[Actor], QuerySet[Any, Any]]
_limits: dict[str, Find] = {}


def limit(kind: str) -> Callable[[Find], Find]:
    """Declare the function that finds what of `kind` an actor sees: id, name and hint of each.

    Raises ImproperlyConfigured where there is one already.
    """

    def declare(find: Find) -> Find:
        if kind in _limits:
            raise ImproperlyConfigured(f"There are two limits of keys by {kind}.")
        _limits[kind] = find
        return find

    return declare


def choices(kind: str, actor: Actor) -> list[Choice]:
    """Return what of `kind` a key of the actor can be narrowed to, CHOICES_SHOWN at most."""
    return [Choice(*row) for row in _limits[kind](actor)[:CHOICES_SHOWN]]


def names(kind: str, ids: Collection[int], actor: Actor) -> dict[int, str]:
    """Return the names of those of `ids` that the actor sees. One query, or none for no ids."""
    if not ids:
        return {}
    return {pk: name for pk, name, _ in _limits[kind](actor).filter(pk__in=ids)}


def require_visible(kind: str, ids: Collection[int], actor: Actor, *, field: str) -> None:
    """Raise Invalid unless the actor sees each of `ids`; what is missing is answered alike."""
    if set(ids) - names(kind, ids, actor).keys():
        message = f"Choose among the {kind} that you see."
        raise Invalid(message, fields={field: [message]})
