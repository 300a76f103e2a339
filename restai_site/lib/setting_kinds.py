"""The kinds of platform settings: what type a value has, and where the environment fixes it.

`restai_site.lib.configuration` hands them on; sections are declared with what that module offers.
"""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, overload

from restai_site.lib.env import FALSE_WORDS, TRUE_WORDS, ConfigurationError, Environment
from restai_site.lib.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from restai_site.lib.configuration import Section

TEXT_MAX_LENGTH = 500
SECRET_MAX_LENGTH = 4096
LONG_TEXT_MAX_LENGTH = 20_000
LINES_MAX = 200
T = TypeVar("T")


class Unreadable:
    """Stands for a stored secret that cannot be decrypted: it is set, and reading it raises.

    An empty secret in its place would be worse than none: some servers take it as "anybody".
    """


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
        self._read: dict[tuple[str | None, str | None], T | None] = {}
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: "Section", owner: type) -> T: ...
    def __get__(self, instance: "Section | None", owner: type) -> Any:
        if instance is None:
            return self
        value = instance.values[self.name]
        if isinstance(value, Unreadable):
            raise Unavailable(f"The stored “{self.label}” cannot be decrypted: enter it again.")
        return value

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
        if not self.variable:
            return None
        given = os.environ.get(self.variable), os.environ.get(f"{self.variable}_FILE")
        if given not in self._read:
            self._read = {given: self._from_environment()}
        return self._read[given]

    def as_json(self, value: T) -> Any:
        """Return `value` as the database and the API hold it."""
        return value

    def _from_environment(self) -> T | None:
        raw = Environment().optional(self.variable)
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


class LongText(Setting[str]):
    """Text of several lines, each ending as on Unix; without blank lines at its ends."""

    kind = "long_text"

    def __init__(self, default: str = "", *, max_length: int = LONG_TEXT_MAX_LENGTH, **rest: Any):
        super().__init__(default, **rest)
        self.max_length = max_length

    def typed(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid("Enter text.")
        text = "\n".join(value.strip().splitlines())
        if len(text) > self.max_length:
            raise Invalid(f"Enter at most {self.max_length} characters.")
        if not text.replace("\n", "").replace("\t", "").isprintable():
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

    def as_json(self, value: tuple[str, ...]) -> list[str]:
        return list(value)

    def parse(self, text: str) -> tuple[str, ...]:
        """Entries are separated by commas or line ends."""
        return self.clean(text.replace(",", "\n").splitlines())
