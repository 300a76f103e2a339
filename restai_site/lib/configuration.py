"""Platform settings as typed sections that each app declares.

A section is a class whose attributes are settings; an app declares its own in its module
`sections.py`. A value comes from the environment where the setting names a variable and that is
set, or else from the database, or else it is the default, which is always the safe one.

Whoever needs a value asks `current(MailSection).host`. A process keeps what it has read and asks
the database at most every SETTINGS_REFRESH_MILLISECONDS whether anything changed, so that a change
works everywhere within a second and costs nothing per request. The environment, and the files that
it names, are read once.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from django.conf import settings

from restai_site.lib.actor import Actor
from restai_site.lib.db import in_database
from restai_site.lib.errors import Invalid, NotFound
from restai_site.lib.setting_kinds import (
    Choice,
    Flag,
    Lines,
    LongText,
    Number,
    Secret,
    Setting,
    Text,
    Unreadable,
)

__all__ = [
    "Choice",
    "Flag",
    "Lines",
    "LongText",
    "Number",
    "Secret",
    "Section",
    "Setting",
    "Store",
    "Text",
    "Unreadable",
    "check_environment",
    "current",
    "forget",
    "fresh",
    "latest",
    "overridden",
    "section_named",
    "sections",
    "use_store",
]
logger = logging.getLogger(__name__)


class Section:
    """A group of settings on one page. Subclasses are found by their `slug`.

    `order` sorts the pages. A section that can be tried out overrides `test` and names the button
    in `test_label`. Where what a section says decides who comes in, or where mail that lets people
    in is sent, `keys_may_change` is False: else whoever holds a key could make a session of it.
    """

    slug: ClassVar[str] = ""
    title: ClassVar[str]
    lede: ClassVar[str] = ""
    order: ClassVar[int] = 100
    test_label: ClassVar[str] = ""
    keys_may_change: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if _sections.setdefault(cls.slug, cls) is not cls:
            raise TypeError(f"There are two sections with the slug {cls.slug!r}.")

    def __init__(self, stored: Mapping[str, Any] | None = None) -> None:
        """Take `stored`, the values in the database; what it lacks has its default."""
        self.values = {
            name: _value(self.slug, setting, stored or {})
            for name, setting in self.settings().items()
        }

    @classmethod
    def settings(cls) -> dict[str, Setting[Any]]:
        """Return the settings by name, in the order of their declaration."""
        return {name: value for name, value in vars(cls).items() if isinstance(value, Setting)}

    @classmethod
    def setting(cls, name: str) -> Setting[Any]:
        """Return one setting. Raises NotFound."""
        if name not in cls.settings():
            raise NotFound(f"The settings of “{cls.slug}” have no “{name[:50]}”.")
        return cls.settings()[name]

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Raise Invalid, naming the fields, where the values do not go together.

        Sees what the environment fixes too. A secret in them may be Unreadable.
        """

    def test(self, actor: Actor) -> str:
        """Try the settings out and return what worked. Raises DomainError in words."""
        raise NotFound("These settings cannot be tested.")


_sections: dict[str, type[Section]] = {}
SectionT = TypeVar("SectionT", bound=Section)


def sections() -> list[type[Section]]:
    """Return all sections in the order of their pages."""
    return sorted(_sections.values(), key=lambda section: (section.order, section.slug))


def section_named(slug: str) -> type[Section]:
    """Return the section with `slug`. Raises NotFound."""
    if slug not in _sections:
        raise NotFound("There are no settings of this name.")
    return _sections[slug]


def check_environment() -> None:
    """Read what the environment fixes. Raises ConfigurationError, which names the variable."""
    for section in sections():
        for setting in section.settings().values():
            setting.fixed()


class Store(Protocol):
    """Where values are kept."""

    def revision(self) -> int:
        """Return a number that is another one after each change. One query."""

    def load(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the stored values: by section, then by name; Unreadable where one is."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    revision: int
    read_at: float
    values: Mapping[str, Mapping[str, Any]]
    built: dict[type[Section], Section]


_NOTHING_READ = _Snapshot(-1, float("-inf"), {}, {})


class _State:
    """What this process knows; replaced as a whole, so that threads see old or new, no mixture."""

    store: Store | None = None
    snapshot: _Snapshot = _NOTHING_READ
    overrides: ClassVar[dict[type[Section], Section]] = {}


def use_store(store: Store) -> None:
    """Read values from `store` from now on."""
    _State.store = store
    forget()


def forget() -> None:
    """Read everything anew at the next question."""
    _State.snapshot = _NOTHING_READ


def current(section: type[SectionT]) -> SectionT:
    """Return the values of `section`, at most SETTINGS_REFRESH_MILLISECONDS old. May query."""
    if section not in _State.overrides and not _is_fresh():
        _refresh()
    return latest(section)


def latest(section: type[SectionT]) -> SectionT:
    """Return the values of `section` that this process has read last, without a query.

    Before the first reading these are the defaults and what the environment fixes.
    """
    if section in _State.overrides:
        return _State.overrides[section]  # type: ignore[return-value]
    snapshot = _State.snapshot
    if section not in snapshot.built:
        snapshot.built[section] = section(snapshot.values.get(section.slug))
    return snapshot.built[section]  # type: ignore[return-value]


async def fresh(section: type[SectionT]) -> SectionT:
    """Return what `current` returns, for callers in an event loop; a hop only when it is due."""
    if section in _State.overrides or _is_fresh():
        return latest(section)
    return await in_database(current, section)


@contextmanager
def overridden(section: type[Section], **values: Any) -> Iterator[None]:
    """Use these values for `section` inside, whatever is stored or fixed; for tests."""
    before = dict(_State.overrides)
    cleaned = {name: section.setting(name).clean(value) for name, value in values.items()}
    _State.overrides[section] = chosen = section(cleaned)
    chosen.values.update(cleaned)
    try:
        yield
    finally:
        _State.overrides.clear()
        _State.overrides.update(before)


def _is_fresh() -> bool:
    age = time.monotonic() - _State.snapshot.read_at
    return _State.store is None or age * 1000 < settings.SETTINGS_REFRESH_MILLISECONDS


def _refresh() -> None:
    store, known = _State.store, _State.snapshot
    if store is None:
        return
    now, revision = time.monotonic(), store.revision()
    if revision == known.revision:
        _State.snapshot = _Snapshot(revision, now, known.values, known.built)
    else:
        _State.snapshot = _Snapshot(revision, now, store.load(), {})


def _value(slug: str, setting: Setting[Any], stored: Mapping[str, Any]) -> Any:
    fixed = setting.fixed()
    if fixed is not None:
        return fixed
    if setting.name not in stored:
        return setting.default
    if isinstance(stored[setting.name], Unreadable):
        return stored[setting.name]
    try:
        return setting.clean(stored[setting.name])
    except Invalid:
        # Kept under rules that have since become stricter: the default is the safe one.
        words = "The stored value of %s.%s is not valid; its default holds."
        logger.exception(words, slug, setting.name)
        return setting.default
