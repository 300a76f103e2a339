"""What Unicode says about single characters, as tables by which whole texts are rewritten at once.

The tables are built from Python's own Unicode data when they are first needed.
"""

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from guards import lookalikes

Codes = NDArray[np.uint32]
Places = NDArray[np.int64]

# Planes 0 to 2 hold all that has a compatibility form, plane 14 the tags and variation selectors.
_PLANES = 0x30000
_PLANE_14 = range(0xE0000, 0xE1000)
_ROWS = _PLANES + len(_PLANE_14) + 1
_HIDDEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f"
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2065\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f"
    "\u3164\ufeff\uffa0\ufff9\ufffa\ufffb"
)
_SELECTORS = range(0xFE00, 0xFE10)
_SURROGATES = range(0xD800, 0xE000)
_REPLACEMENT = 0xFFFD
# U+E0020 to U+E007E stand for ASCII.
_TAGS = range(0xE0020, 0xE007F)
# Korean syllables are made of their letters by a formula (The Unicode Standard, 3.12).
_SYLLABLES, _LEADS, _VOWELS, _TAILS = 0xAC00, 0x1100, 0x1161, 0x11A7
_VOWEL_COUNT, _TAIL_COUNT = 21, 28
_SYLLABLE_COUNT = 19 * _VOWEL_COUNT * _TAIL_COUNT


@dataclass(frozen=True, slots=True)
class Forms:
    """The compatibility form of each character: `lengths[row]` codes of `pool` from `firsts[row]`.

    Only rows that are `changed` count. A length of 0 drops the character.
    """

    changed: NDArray[np.bool_]
    firsts: Places
    lengths: Places
    pool: Codes


@dataclass(frozen=True, slots=True)
class Pairs:
    """Letter and mark that make one character: `made[i]` of the pair `keys[i]`, keys in order.

    `seconds` says which rows stand second in any pair, `marks` which may stand between the two.
    """

    keys: Places
    made: Codes
    seconds: NDArray[np.bool_]
    marks: NDArray[np.bool_]


def codes_of(text: str) -> Codes:
    """Return the code points; lone surrogates stay."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint32)


def text_of(codes: Codes) -> str:
    """Return the text of code points."""
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def compatible(codes: Codes) -> tuple[Codes, Places, Places]:
    """Return the codes in NFKC form without invisible ones, and where each began and ended."""
    forms = _forms()
    rows = _rows(codes)
    changed = forms.changed[rows]
    lengths = np.where(changed, forms.lengths[rows], 1)
    starts = np.repeat(np.arange(len(codes), dtype=np.int64), lengths)
    written = codes[starts]
    firsts = np.cumsum(lengths) - lengths
    within = np.arange(len(starts), dtype=np.int64) - firsts[starts]
    new = changed[starts]
    written[new] = forms.pool[forms.firsts[rows[starts[new]]] + within[new]]
    # Half of a pair is no character; UTF-8, which the engines below read, has no form for it.
    written[(written >= _SURROGATES.start) & (written < _SURROGATES.stop)] = _REPLACEMENT
    return composed(written, starts, starts + 1)


def composed(codes: Codes, starts: Places, ends: Places) -> tuple[Codes, Places, Places]:
    """Put letters and the marks behind them together, where there is a character for both.

    Also over a mark in between that Unicode lets block this: for who reads it is the same letter.
    """
    pairs = _pairs()
    # No character is made of more than a letter and three marks.
    for _ in range(4):
        rows = _rows(codes)
        marks = np.flatnonzero(pairs.seconds[rows])
        if not len(marks):
            break
        letters = _letters(pairs.marks[rows])[marks]
        # What is no mark itself, as a Korean vowel, must follow at once.
        near = (letters >= 0) & (pairs.marks[rows][marks] | (letters == marks - 1))
        made = np.where(near, _made(codes[letters], codes[marks]), 0)
        marks, letters, made = marks[made > 0], letters[made > 0], made[made > 0]
        # Of several marks that one letter could take, the first.
        letters, first = np.unique(letters, return_index=True)
        if not len(letters):
            break
        codes, ends = codes.copy(), ends.copy()
        codes[letters] = made[first]
        ends[letters] = np.maximum(ends[letters], ends[marks[first]])
        keep = np.ones(len(codes), dtype=bool)
        keep[marks[first]] = False
        codes, starts, ends = codes[keep], starts[keep], ends[keep]
    return codes, starts, ends


def in_ascii(codes: Codes) -> Codes:
    """Return the codes with look-alikes and accented letters as ASCII letters."""
    return np.where(codes < _PLANES, _shapes()[np.minimum(codes, _PLANES - 1)], codes)


def accents(codes: Codes) -> NDArray[np.bool_]:
    """Return which codes are marks that stand above, below or in a letter of any script."""
    found = np.zeros(len(codes), dtype=bool)
    for first, last in ((0x300, 0x36F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF)):
        found |= (codes >= first) & (codes <= last)
    return found


def _rows(codes: Codes) -> Places:
    codes = codes.astype(np.int64)
    fourteen = (codes >= _PLANE_14.start) & (codes < _PLANE_14.stop)
    rows = np.where(codes < _PLANES, codes, _ROWS - 1)
    rows[fourteen] = codes[fourteen] - _PLANE_14.start + _PLANES
    return rows


def _letters(marks: NDArray[np.bool_]) -> Places:
    """Return for each place where the nearest letter before it stands, -1 for none."""
    places = np.arange(len(marks), dtype=np.int64)
    nearest = np.maximum.accumulate(np.where(marks, -1, places))
    return np.concatenate([[-1], nearest[:-1]])


def _made(firsts: Codes, seconds: Codes) -> Codes:
    """Return what each pair makes, 0 where that is nothing."""
    pairs = _pairs()
    first, second = firsts.astype(np.int64), seconds.astype(np.int64)
    keys = (first << 21) | second
    places = np.minimum(np.searchsorted(pairs.keys, keys), len(pairs.keys) - 1)
    made = np.where(pairs.keys[places] == keys, pairs.made[places], 0).astype(np.int64)
    lead, vowel = first - _LEADS, second - _VOWELS
    opens = (lead >= 0) & (lead < 19) & (vowel >= 0) & (vowel < _VOWEL_COUNT)
    made[opens] = _SYLLABLES + (lead * _VOWEL_COUNT + vowel)[opens] * _TAIL_COUNT
    syllable, tail = first - _SYLLABLES, second - _TAILS
    closes = (syllable >= 0) & (syllable < _SYLLABLE_COUNT) & (syllable % _TAIL_COUNT == 0)
    closes &= (tail > 0) & (tail < _TAIL_COUNT)
    made[closes] = (first + tail)[closes]
    return made.astype(np.uint32)


@cache
def _forms() -> Forms:
    changed = np.zeros(_ROWS, dtype=bool)
    firsts = np.zeros(_ROWS, dtype=np.int64)
    lengths = np.ones(_ROWS, dtype=np.int64)
    pool: list[int] = []
    for character, form in _changes():
        row = int(_rows(codes_of(character))[0])
        changed[row], firsts[row], lengths[row] = True, len(pool), len(form)
        pool += map(ord, form)
    return Forms(changed, firsts, lengths, np.array(pool, dtype=np.uint32))


def _changes() -> list[tuple[str, str]]:
    hidden = {*_HIDDEN, *map(chr, _SELECTORS), *map(chr, _PLANE_14)}
    normalised = (
        (character, unicodedata.normalize("NFKC", character))
        for character in map(chr, (*range(0x80, 0xD800), *range(0xE000, _PLANES)))
        if not unicodedata.is_normalized("NFKC", character)
    )
    return [
        *((character, form) for character, form in normalised if character not in hidden),
        *((character, "") for character in hidden if ord(character) not in _TAGS),
        *((chr(tag), chr(tag - _PLANE_14.start)) for tag in _TAGS),
    ]


@cache
def _pairs() -> Pairs:
    table: dict[int, int] = {}
    seconds, marks = np.zeros((2, _ROWS), dtype=bool)
    for number in (*range(0x80, 0xD800), *range(0xE000, _PLANES)):
        marks[number] = unicodedata.combining(chr(number)) > 0
        parts = unicodedata.decomposition(chr(number)).split()
        if len(parts) != 2 or parts[0].startswith("<"):
            continue
        first, second = (int(part, 16) for part in parts)
        # Some characters are never made of their parts again.
        if unicodedata.normalize("NFC", chr(first) + chr(second)) == chr(number):
            table[(first << 21) | second] = number
            seconds[second] = True
    seconds[_VOWELS : _VOWELS + _VOWEL_COUNT] = True
    seconds[_TAILS : _TAILS + _TAIL_COUNT] = True
    keys = sorted(table)
    made = np.array([table[key] for key in keys], dtype=np.uint32)
    return Pairs(np.array(keys, dtype=np.int64), made, seconds, marks)


@cache
def _shapes() -> Codes:
    shapes = np.arange(_PLANES, dtype=np.uint32)
    for number, shape in lookalikes.table().items():
        shapes[number] = ord(shape)
    return shapes
