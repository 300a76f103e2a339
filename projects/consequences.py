"""What ends elsewhere when a project is deleted or moved to another team: said before, and asked.

The apps above declare it in their module `consequences.py`:

    @consequence
    def protection(project: Project) -> list[str]:
        return [...]
"""

from collections.abc import Callable

from projects.models import Project

Find = Callable[[Project], list[str]]
_finders: list[Find] = []


def consequence(find: Find) -> Find:
    """Declare a function that returns sentences, without names that the reader may not know."""
    _finders.append(find)
    return find


def consequences_of_leaving(project: Project) -> list[str]:
    """Return what ends when the project is deleted or leaves its team, in sentences."""
    return [sentence for find in _finders for sentence in find(project)]
