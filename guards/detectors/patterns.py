"""Words, phrases and regular expressions that a project's owners forbid."""

import re
from collections.abc import Iterator
from functools import lru_cache

from guards import normal
from guards.detectors.base import Configuration, Detector, Lines, Switch
from guards.detectors.linear import cached, compiled
from guards.normal import View
from guards.spans import Span, merge
from restai_site.lib.errors import Invalid

PATTERNS = 200
PATTERN_CHARACTERS = 500

# Chinese, Japanese, Thai and their neighbours set no spaces between words.
_UNSPACED = re.compile(
    r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\ua4cf\uf900-\ufaff\U00020000-\U0003ffff]"
)


class Patterns(Detector):
    """A deny-list."""

    slug = "patterns"
    title = "Words and expressions"
    explanation = (
        "Finds words and phrases of a list, in any case, with or without accents, also where "
        "letters are replaced by look-alikes or digits, set apart, or encoded; and regular "
        "expressions."
    )
    categories = (("word", "Word of the list"), ("expression", "Regular expression"))
    configuration = (
        Lines(
            name="words",
            label="Words and phrases",
            help="One a line. Whole words are found, in any case.",
            default=[],
            limit=PATTERNS,
            characters=PATTERN_CHARACTERS,
        ),
        Lines(
            name="expressions",
            label="Regular expressions",
            help="One a line, as RE2 reads them: no looking ahead or behind, no references back.",
            default=[],
            limit=PATTERNS,
            characters=PATTERN_CHARACTERS,
        ),
        Switch(
            name="any_case",
            label="Expressions in any case",
            help="Capital and small letters are the same in regular expressions.",
            default=True,
        ),
    )

    def conflicts(self, values: Configuration) -> dict[str, list[str]]:
        """Refuse expressions that RE2 cannot read, that take too much, or that match nothing."""
        for expression in values["expressions"]:
            try:
                found = compiled(expression, any_case=values["any_case"]).search("")
            except Invalid as error:
                return {"expressions": [error.message]}
            if found is not None:
                return {"expressions": [f"Change {expression[:50]}, which matches an empty text."]}
        for word in values["words"]:
            if not _folded(word):
                return {"words": ["Each line needs a letter, digit or sign that can be seen."]}
        return {}

    def find(self, text: str, configuration: Configuration) -> list[Span]:
        """Return where words stand in any disguise, and what the expressions match."""
        view = normal.plain(text)
        spans: list[Span] = []
        if configuration["words"]:
            spans += _words(normal.disguises(text, view), configuration["words"])
        if configuration["expressions"]:
            spans += _expressions([view, *normal.decoded(text, view)], configuration)
        return merge(spans)


def _words(views: list[View], words: list[str]) -> Iterator[Span]:
    for word in words:
        folded = _folded(word)
        first = folded.split()[0]
        for view in views:
            # Most words stand in most texts nowhere, which this finds out much faster.
            if first in view.text:
                for match in _word_pattern(folded).finditer(view.text):
                    yield Span(*view.original(*match.span()), "word")


def _expressions(views: list[View], configuration: Configuration) -> Iterator[Span]:
    for expression in configuration["expressions"]:
        pattern = cached(expression, configuration["any_case"])
        for view in views:
            for match in pattern.finditer(view.text):
                start, end = match.span()
                if end > start:
                    yield Span(*view.original(start, end), "expression")


@lru_cache(maxsize=1024)
def _folded(word: str) -> str:
    return " ".join(normal.fold(normal.plain(word)).text.split())


@lru_cache(maxsize=1024)
def _word_pattern(folded: str) -> re.Pattern[str]:
    """Return the pattern of a phrase. It repeats only spaces, so Python's engine is linear too."""
    written = r"\s+".join(map(re.escape, folded.split()))
    before = r"(?<!\w)" if _is_spaced(folded[0]) else ""
    after = r"(?!\w)" if _is_spaced(folded[-1]) else ""
    return re.compile(before + written + after)


def _is_spaced(character: str) -> bool:
    return (character.isalnum() or character == "_") and not _UNSPACED.match(character)
