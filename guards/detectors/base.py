"""What a detector is and how its settings are declared."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from guards.spans import Span
from restai_site.lib.errors import Invalid

Configuration = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field(ABC):
    """One setting of a detector, stored as JSON."""

    name: str
    label: str
    help: str
    default: Any

    @abstractmethod
    def cleaned(self, value: object) -> object:
        """Return the value as it is kept. Raises `ValueError` with a sentence for people."""


@dataclass(frozen=True, slots=True)
class Choices(Field):
    """Any number of named values, at least one; `choices` are pairs of value and label."""

    choices: tuple[tuple[str, str], ...]

    def cleaned(self, value: object) -> list[str]:
        """Return the chosen values in the order of the choices."""
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError("Give a list of names.")
        unknown = sorted(set(value) - {name for name, _ in self.choices})
        if unknown:
            raise ValueError(f"There is no choice named {unknown[0][:50]}.")
        if not value:
            raise ValueError("Choose at least one.")
        return [name for name, _ in self.choices if name in value]


@dataclass(frozen=True, slots=True)
class Lines(Field):
    """A list of short texts, without empty ones and without repetitions."""

    limit: int
    characters: int

    def cleaned(self, value: object) -> list[str]:
        """Return the lines in order."""
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError("Give a list of texts.")
        lines = list(dict.fromkeys(line.strip() for line in value if line.strip()))
        if len(lines) > self.limit:
            raise ValueError(f"Give at most {self.limit} lines.")
        for line in lines:
            if len(line) > self.characters:
                raise ValueError(f"Shorten {line[:20]}… to at most {self.characters} characters.")
        return lines


@dataclass(frozen=True, slots=True)
class Number(Field):
    """A number between two bounds, both included."""

    lowest: float
    highest: float

    def cleaned(self, value: object) -> float:
        """Return the number."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("Give a number.")  # noqa: TRY004 -- told to people, like all others
        if not self.lowest <= value <= self.highest:
            raise ValueError(f"Give a number from {self.lowest:g} to {self.highest:g}.")
        return float(value)


@dataclass(frozen=True, slots=True)
class Switch(Field):
    """Yes or no."""

    def cleaned(self, value: object) -> bool:
        """Return the value."""
        if not isinstance(value, bool):
            raise ValueError("Give true or false.")  # noqa: TRY004 -- as above
        return value


@dataclass(frozen=True, slots=True)
class Word(Field):
    """A short text of a given form, or nothing: `form` says in words what is right."""

    allowed: tuple[str, ...]
    form: str

    def cleaned(self, value: object) -> str:
        """Return the text."""
        if not isinstance(value, str) or value not in {"", *self.allowed}:
            raise ValueError(self.form)
        return value


class Detector(ABC):
    """Finds things in a text, by the text and a configuration alone.

    Detectors hold no state of their own, so all threads may share them. `finds_spans` says whether
    the spans cover just what was found, so that it can be masked; otherwise they cover the text
    that the finding is about.
    """

    slug: ClassVar[str]
    title: ClassVar[str]
    explanation: ClassVar[str]
    categories: ClassVar[tuple[tuple[str, str], ...]]
    finds_spans: ClassVar[bool] = True
    # Whether what is split over two messages is looked for, and whether what is found is so
    # private that not even the log of findings shows it.
    reads_across: ClassVar[bool] = True
    is_private: ClassVar[bool] = False
    configuration: ClassVar[tuple[Field, ...]] = ()

    def cleaned(self, values: Configuration) -> dict[str, Any]:
        """Return all settings, those that are missing as their defaults.

        Raises `Invalid` with a message for each field that is wrong or unknown.
        """
        fields = {field.name: field for field in self.configuration}
        wrong = {name: ["There is no such setting."] for name in values if name not in fields}
        kept = {}
        for name, field in fields.items():
            try:
                kept[name] = field.cleaned(values.get(name, field.default))
            except ValueError as error:
                wrong[name] = [str(error)]
        wrong.update(self.conflicts(kept) if not wrong else {})
        if wrong:
            raise Invalid("Correct the settings of the detector.", fields=wrong)
        return kept

    def conflicts(self, values: Configuration) -> dict[str, list[str]]:
        """Return what is wrong in settings that are each of the right form."""
        return {}

    @abstractmethod
    def find(self, text: str, configuration: Configuration) -> list[Span]:
        """Return what was found, in order; places are code points of `text`.

        `configuration` is what `cleaned` returned. Takes time proportional to the text.
        """
