"""A text as a model reads it, with the way back to the text as it was given.

A `View` is a rewriting of a text. `plain` undoes what hides letters from a search: compatibility
forms, invisible characters, tags. `disguises` gives the further views that a search for words
needs: lower case without accents and look-alikes, digits for letters, letters set apart, and what
base64, hexadecimal and rot13 hold. All are made in time proportional to the text.
"""

import codecs
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guards import characters, encodings
from guards.characters import Places

# Three letters or more with the same sign between them.
_APART = re.compile(r"(?<![^\W_])[^\W\d_]([ .\-_*|])[^\W\d_](?![^\W_])(?:\1[^\W\d_](?![^\W_]))+")
_SMUGGLED = re.compile(
    # The flags of England, Scotland and Wales are tags as well; group 1 leaves them out.
    "\U0001f3f4[\U000e0020-\U000e007f]{1,8}"
    "|([\U000e0000-\U000e007f]+"
    "|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}"
    "|[\u202d\u202e]+"
    "|(?<=[A-Za-z])[\u200b-\u200d\u2060-\u2064\ufeff\u180e]+(?=[A-Za-z]))"
)
_LEET = str.maketrans("013457@$!|+", "oieastasilt")


@dataclass(frozen=True, slots=True)
class View:
    """A rewriting of a text. Character `i` stands for `starts[i]` to `ends[i]` of the original."""

    name: str
    text: str
    starts: Places
    ends: Places

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where the characters `start` to `end`, at least one, stand in the original."""
        return int(self.starts[start:end].min()), int(self.ends[start:end].max())

    def rewritten(self, name: str, text: str) -> "View":
        """Return a view of as many characters that stand for the same places."""
        if len(text) != len(self.text):
            raise ValueError("Only a text of the same length keeps its places.")
        return View(name, text, self.starts, self.ends)

    def without(self, name: str, dropped: NDArray[np.bool_]) -> "View":
        """Return a view without the characters that are `dropped`."""
        keep = ~dropped
        text = characters.text_of(characters.codes_of(self.text)[keep])
        return View(name, text, self.starts[keep], self.ends[keep])


def plain(text: str) -> View:
    """Return the text as it reads: composed, in compatibility form, without what is invisible."""
    if text.isascii():
        places = np.arange(len(text), dtype=np.int64)
        return View("plain", text, places, places + 1)
    codes, starts, ends = characters.compatible(characters.codes_of(text))
    return View("plain", characters.text_of(codes), starts, ends)


def hidden(text: str) -> list[tuple[int, int]]:
    """Return the runs of invisible characters that no script and no emoji needs.

    Those are tags outside flags, several variation selectors in a row, overrides of the direction,
    and joiners or spaces without width between two ASCII letters.
    """
    if text.isascii():
        return []
    return [match.span() for match in _SMUGGLED.finditer(text) if match[1]]


def disguises(text: str, view: View) -> list[View]:
    """Return the views in which words are looked for: the folded one first, then what differs.

    `view` is the plain view of `text`.
    """
    folded = fold(view)
    rest = [
        folded.rewritten("unleeted", folded.text.translate(_LEET)),
        _joined(folded),
        folded.rewritten("rot13", codecs.encode(folded.text, "rot13")),
        *(fold(inner) for inner in decoded(text, view)),
    ]
    return [folded, *(other for other in rest if other.text != folded.text)]


def fold(view: View) -> View:
    """Return a plain view in lower case, look-alikes and accented letters as ASCII."""
    # The letter replaced is the only one whose lower case is longer than itself.
    text = view.text.replace("\u0130", "I").lower()
    if text.isascii():
        return view.rewritten("folded", text)
    codes = characters.in_ascii(characters.codes_of(text))
    folded = view.rewritten("folded", characters.text_of(codes))
    dropped = characters.accents(codes)
    return folded.without("folded", dropped) if dropped.any() else folded


def decoded(text: str, view: View) -> list[View]:
    """Return what base64, base32, hexadecimal and variation selectors in the text hold, once."""
    found = [
        (view.original(start, end), inner) for start, end, inner in encodings.in_letters(view.text)
    ]
    found += [((start, end), inner) for start, end, inner in encodings.in_selectors(text)]
    views = []
    for (start, end), meaning in found:
        inner = plain(meaning).text
        places = np.full(len(inner), start, dtype=np.int64)
        views.append(View("decoded", inner, places, np.full_like(places, end)))
    return views


def _joined(view: View) -> View:
    """Put letters that stand apart together: `i g n o r e` and `i.g.n.o.r.e`."""
    dropped = np.zeros(len(view.text), dtype=bool)
    for match in _APART.finditer(view.text):
        dropped[match.start() + 1 : match.end() : 2] = True
    return view.without("joined", dropped) if dropped.any() else view
