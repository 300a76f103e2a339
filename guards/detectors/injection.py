"""Attempts to change what a model was told, by rules: quick and plain, and easily talked around."""

import re
from functools import cache

from guards import normal
from guards.detectors.base import Configuration, Detector, Number
from guards.detectors.injection_rules import RULES
from guards.detectors.linear import OWN_MEMORY_BYTES, Expression, compiled
from guards.normal import View
from guards.spans import Span, merge

# Whoever writes such a thing backwards into an encoding means it.
HIDDEN_BONUS = 0.1

_CLASS = re.compile(r"(\\.)")


class Injection(Detector):
    """Prompt injection, by rules."""

    slug = "injection"
    title = "Prompt injection (rules)"
    explanation = (
        "Finds the usual wordings by which a text tells a model to leave its instructions, to show "
        "its prompt or to play another part, markers of roles, and invisible or encoded text. "
        "Other wordings pass: use it beside the classifier or a guard with a model."
    )
    categories = (
        ("override", "Asks to leave instructions"),
        ("prompt_leak", "Asks for the prompt"),
        ("persona", "Asks to play another part"),
        ("role_delimiter", "Marker of a role"),
        ("exfiltration", "Has data sent out"),
        ("encoded", "Encoded instruction"),
        ("hidden_text", "Invisible characters"),
    )
    finds_spans = False
    configuration = (
        Number(
            name="threshold",
            label="Threshold",
            help="Findings under this score are left out. Lower finds more, also wrongly.",
            default=0.6,
            lowest=0.0,
            highest=1.0,
        ),
    )

    def find(self, text: str, configuration: Configuration) -> list[Span]:
        """Return what the rules match in any view of the text, and invisible characters."""
        view = normal.plain(text)
        spans = [Span(start, end, "hidden_text", 0.9) for start, end in normal.hidden(text)]
        folded, *others = normal.disguises(text, view)
        spans += _matches(folded, 0.0)
        for other in others:
            spans += _matches(other, HIDDEN_BONUS)
        return merge(span for span in spans if span.score >= configuration["threshold"])


def _matches(view: View, bonus: float) -> list[Span]:
    # One pass over the text for all rules tells apart the many texts in which none matches.
    if not _any().search(view.text):
        return []
    return [
        Span(*view.original(*match.span()), rule.category, min(1.0, rule.score + bonus))
        for rule, pattern in zip(RULES, _patterns(), strict=True)
        for match in pattern.finditer(view.text)
    ]


@cache
def _patterns() -> tuple[Expression, ...]:
    return tuple(compiled(written, memory=OWN_MEMORY_BYTES) for written in _written())


@cache
def _any() -> Expression:
    union = "|".join(f"(?:{written})" for written in _written())
    return compiled(union, memory=8 * OWN_MEMORY_BYTES)


@cache
def _written() -> tuple[str, ...]:
    """Return the expressions with their letters as folded text has them; \\S and such stay."""
    return tuple(
        "".join(
            piece if piece.startswith("\\") else normal.fold(normal.plain(piece)).text
            for piece in _CLASS.split(rule.pattern)
        )
        for rule in RULES
    )
