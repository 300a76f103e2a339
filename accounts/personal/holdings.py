"""What is held about a person, or a team. Each app says what it has, for its own rows.

An app declares what it has about people in its module `personal.py`:

    @holds("conversations")
    def conversations(user: User) -> Iterator[Held]:
        for row in Conversation.objects.filter(user=user).iterator():
            yield {"title": row.title, ...}

Secrets, digests and what is about others stay out of it.
"""

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from django.core.exceptions import ImproperlyConfigured

from accounts.models import User

Held = dict[str, Any]
Of = TypeVar("Of")
Find = Callable[[Of], Iterator[Held]]


class Holdings(Generic[Of]):
    """The kinds of data that there are about something."""

    def __init__(self) -> None:
        self._finds: dict[str, Find[Of]] = {}

    def holds(self, name: str) -> Callable[[Find[Of]], Find[Of]]:
        """Declare a function that yields what there is of one kind; `name` is that of its file.

        Raises ImproperlyConfigured for a name in use.
        """

        def declare(find: Find[Of]) -> Find[Of]:
            if name in self._finds:
                raise ImproperlyConfigured(f"There are two kinds of data named “{name}”.")
            self._finds[name] = find
            return find

        return declare

    def all(self) -> dict[str, Find[Of]]:
        """Return what finds each kind, by its name, sorted."""
        return dict(sorted(self._finds.items()))


of_people = Holdings[User]()
holds = of_people.holds
holdings = of_people.all
