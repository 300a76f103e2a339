"""Platform settings as typed sections that each app declares.

A section is a class whose attributes are settings; an app declares its own in its module
`sections.py`. A value comes from the environment where the setting names a variable and that is
set, or else from the database, or else it is the default, which is always the safe one.

Whoever needs a value asks `current(MailSection).host`. A process keeps what it has read and asks
the database at most every SETTINGS_REFRESH_MILLISECONDS whether anything changed, so that a change
works everywhere within a second and costs nothing per request.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, overload

from django.conf import settings

from restai_site.lib.actor import Actor
from restai_site.lib.db import in_database
from restai_site.lib.env import FALSE_WORDS, TRUE_WORDS, ConfigurationError, Environment
from restai_site.lib.errors import Invalid, NotFound

logger = logging.getLogger(__name__)
TEXT_MAX_LENGTH = 500
SECRET_MAX_LENGTH = 4096
LINES_MAX = 200
T = TypeVar("T")


class Setting(Generic[T]):
    """One typed value of a section.

    `variable` names the environment variable that fixes the value, and thereby locks it; `check`
    returns the value to keep, or raises Invalid with words for the person who typed it.
    """

    kind: ClassVar[str]
    is_secret: ClassVar[bool] = False

    def __init__(
        self,
        default: T,
        *,
        label: str,
        explanation: str = "",
        variable: str = "",
        check: Callable[[T], T] | None = None,
    ) -> None:
        self.default = default
        self.label = label
        self.explanation = explanation
        self.variable = variable
        self._check = check
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: "Section", owner: type) -> T: ...
    def __get__(self, instance: "Section | None", owner: type) -> Any:
        return self if instance is None else instance.values[self.name]

    def clean(self, value: Any) -> T:
        """Return `value`, as JSON gives it, in the type of the setting. Raises Invalid."""
        typed = self.typed(value)
        return self._check(typed) if self._check else typed

    def typed(self, value: Any) -> T:
        """Return `value` when it is of the type. Raises Invalid."""
        raise NotImplementedError

    def parse(self, text: str) -> T:
        """Return what `text`, from the environment or a command line, says. Raises Invalid."""
        return self.clean(text)

    def fixed(self) -> T | None:
        """Return the value that the environment fixes, or None. Raises ConfigurationError."""
        raw = Environment().optional(self.variable) if self.variable else None
        if raw is None:
            return None
        try:
            return self.parse(raw)
        except Invalid as error:
            raise ConfigurationError(f"{self.variable}: {error.message}") from None


class Text(Setting[str]):
    """A line of text."""

    kind = "text"

    def __init__(self, default: str = "", *, max_length: int = TEXT_MAX_LENGTH, **rest: Any):
        super().__init__(default, **rest)
        self.max_length = max_length

    def typed(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid("Enter text.")
        text = value.strip()
        if len(text) > self.max_length:
            raise Invalid(f"Enter at most {self.max_length} characters.")
        if not text.isprintable():
            raise Invalid("The text contains invisible characters.")
        return text


class Secret(Text):
    """A text that is encrypted at rest and never shown.

    `sent_to` names the settings that say where it is sent: a change of one of them needs the
    secret again.
    """

    kind = "secret"
    is_secret = True

    def __init__(self, *, sent_to: Sequence[str] = (), **rest: Any) -> None:
        super().__init__("", max_length=SECRET_MAX_LENGTH, **rest)
        self.sent_to = tuple(sent_to)


class Number(Setting[int]):
    """A whole number within limits."""

    kind = "number"

    def __init__(self, default: int, *, least: int, most: int, **rest: Any) -> None:
        super().__init__(default, **rest)
        self.least, self.most = least, most

    def typed(self, value: Any) -> int:
        fits = isinstance(value, int) and not isinstance(value, bool)
        if not fits or not self.least <= value <= self.most:
            raise Invalid(f"Enter a whole number from {self.least} to {self.most}.")
        return int(value)

    def parse(self, text: str) -> int:
        digits = text.removeprefix("-")
        is_number = digits.isascii() and digits.isdigit() and len(digits) < 20
        return self.clean(int(text) if is_number else text)


class Flag(Setting[bool]):
    """Yes or no."""

    kind = "flag"

    def typed(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise Invalid("Choose true or false.")
        return value

    def parse(self, text: str) -> bool:
        word = text.lower()
        return self.clean(word in TRUE_WORDS if word in TRUE_WORDS | FALSE_WORDS else text)


class Choice(Setting[str]):
    """One of a few words; `choices` are pairs of the word and what people read."""

    kind = "choice"

    def __init__(self, default: str, *, choices: Sequence[tuple[str, str]], **rest: Any) -> None:
        super().__init__(default, **rest)
        self.choices = tuple(choices)

    def typed(self, value: Any) -> str:
        words = [word for word, _ in self.choices]
        if not isinstance(value, str) or value not in words:
            raise Invalid(f"Choose one of {', '.join(words)}.")
        return value


class Lines(Setting[tuple[str, ...]]):
    """A list of short texts, one a line; `each` returns the entry to keep or raises Invalid."""

    kind = "lines"

    def __init__(
        self,
        default: Sequence[str] = (),
        *,
        each: Callable[[str], str] | None = None,
        **rest: Any,
    ) -> None:
        super().__init__(tuple(default), **rest)
        self._entry = Text(label="")
        self._each = each

    def typed(self, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple):
            raise Invalid("Enter a list of texts.")
        if len(value) > LINES_MAX:
            raise Invalid(f"Enter at most {LINES_MAX} lines.")
        entries = [entry for entry in map(self._entry.typed, value) if entry]
        return tuple(dict.fromkeys(map(self._each, entries) if self._each else entries))

    def parse(self, text: str) -> tuple[str, ...]:
        """Entries are separated by commas or line ends."""
        return self.clean(text.replace(",", "\n").splitlines())


class Section:
    """A group of settings on one page. Subclasses are found by their `slug`.

    `order` sorts the pages. A section that can be tried out overrides `test` and names the button
    in `test_label`.
    """

    slug: ClassVar[str] = ""
    title: ClassVar[str]
    lede: ClassVar[str] = ""
    order: ClassVar[int] = 100
    test_label: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _sections[cls.slug] = cls

    def __init__(self, stored: Mapping[str, Any] | None = None) -> None:
        """Take `stored`, the values in the database; what it lacks has its default."""
        self.values = {
            name: _value(setting, stored or {}) for name, setting in self.settings().items()
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
        """Raise Invalid, naming the fields, where the values do not go together."""

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


class Store(Protocol):
    """Where values are kept."""

    def revision(self) -> int:
        """Return a number that grows with each change. One query."""

    def load(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the stored values: by section, then by name."""


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
    """Use these values for `section` inside, whatever is stored; for tests and benchmarks."""
    before = dict(_State.overrides)
    cleaned = {name: section.setting(name).clean(value) for name, value in values.items()}
    _State.overrides[section] = section(cleaned)
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


def _value(setting: Setting[Any], stored: Mapping[str, Any]) -> Any:
    fixed = setting.fixed()
    if fixed is not None:
        return fixed
    if setting.name not in stored:
        return setting.default
    try:
        return setting.clean(stored[setting.name])
    except Invalid:
        # Kept under rules that have since become stricter: the default is the safe one.
        logger.exception("The stored value of the setting %s is not valid.", setting.name)
        return setting.default
