"""Regular expressions by RE2: in time proportional to the text, whatever the expression."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

import re2

from restai_site.lib.errors import Invalid

# What a compiled expression may take; RE2 refuses what would take more. Its own limit is
# 8 MiB, which the expressions of this platform may take.
MEMORY_BYTES = 1 << 20
OWN_MEMORY_BYTES = 8 << 20


class Match(Protocol):
    """Where an expression matched."""

    def span(self, group: int = 0) -> tuple[int, int]:
        """Return start and end in code points."""

    def __getitem__(self, group: int) -> str: ...


class Expression(Protocol):
    """A compiled expression."""

    def finditer(self, text: str) -> Iterator[Match]:
        """Return the matches, none over another."""

    def search(self, text: str) -> Match | None:
        """Return the first match."""


def compiled(pattern: str, *, any_case: bool = False, memory: int = MEMORY_BYTES) -> Expression:
    """Return the expression. Raises `Invalid` that says what is wrong with it."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = memory
    options.case_sensitive = not any_case
    try:
        expression: Expression = re2.compile(pattern, options)
    except UnicodeEncodeError:
        raise Invalid("Take out of the expressions what is no character.") from None
    except re2.error as error:
        raise Invalid(f"Correct the expression {pattern[:50]}: {_reason(error)}.") from None
    return expression


@lru_cache(maxsize=256)
def cached(pattern: str, any_case: bool) -> Expression:
    """Return the expression, from the last 256 in use."""
    return compiled(pattern, any_case=any_case)


def _reason(error: Exception) -> str:
    words = error.args[0] if error.args else b""
    words = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
    if "invalid perl operator" in words:
        return "looking ahead or behind is not supported"
    if "invalid escape sequence" in words:
        return f"{words.partition(': ')[2]} is not supported"
    if "too large" in words or "repetition" in words:
        return "it repeats too much"
    return words or "it cannot be read"
