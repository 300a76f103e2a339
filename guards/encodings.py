"""Text that stands in a text as base64, base32, hexadecimal or bytes in variation selectors."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable

# What is longer or more is left alone: text sent to a model is that once decoded, not a file.
SEGMENTS = 32
SEGMENT_CHARACTERS = 65_536

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_BASE32 = re.compile(r"(?<![A-Za-z0-9])[A-Z2-7]{16,}={0,6}(?![A-Za-z0-9])")
_HEXADECIMAL = re.compile(
    r"(?<![0-9A-Za-z])(?:(?:0x|\\x|%)?[0-9A-Fa-f]{2}[ :,]?){7,}"
    r"(?:0x|\\x|%)?[0-9A-Fa-f]{2}(?![0-9A-Za-z])"
)
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_HEXADECIMAL_SIGNS = re.compile(r"0x|[^0-9A-Fa-f]")
_READABLE = 0.9


def in_letters(text: str) -> list[tuple[int, int, str]]:
    """Return start, end and meaning of base64, base32 and hexadecimal that holds readable text.

    At most `SEGMENTS`, in order. What a decoded text holds in turn is not looked at.
    """
    return _read(
        text,
        ((_HEXADECIMAL, _from_hexadecimal), (_BASE32, _from_base32), (_BASE64, _from_base64)),
    )


def in_selectors(text: str) -> list[tuple[int, int, str]]:
    """Return the same for bytes in variation selectors, which only the text as given has."""
    return [] if text.isascii() else _read(text, ((_SELECTORS, from_selectors),))


def from_selectors(text: str) -> bytes:
    """Return the bytes that variation selectors stand for: the first sixteen, then the rest."""
    return bytes(
        ord(selector) - (0xFE00 if ord(selector) < 0xE0000 else 0xE0100 - 16) for selector in text
    )


def _read(
    text: str, readers: Iterable[tuple[re.Pattern[str], Callable[[str], bytes]]]
) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    for pattern, read in readers:
        for match in pattern.finditer(text):
            if len(match[0]) > SEGMENT_CHARACTERS or len(found) == SEGMENTS:
                continue
            meaning = _readable(read, match[0])
            if meaning:
                found.append((*match.span(), meaning))
    return sorted(found)


def _readable(read: Callable[[str], bytes], segment: str) -> str:
    try:
        # A word of two letters that stands before hexadecimal may be read as one byte more.
        text = read(segment).decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""
    letters = sum(character.isalnum() or character.isspace() for character in text)
    return text if len(text) >= 4 and letters >= _READABLE * len(text) - 2 else ""


def _from_base64(segment: str) -> bytes:
    bare = segment.rstrip("=").replace("-", "+").replace("_", "/")
    # One character too many is no byte; a word that stands right before may have cost some.
    return base64.b64decode(bare[: len(bare) - (len(bare) % 4 == 1)] + "===")


def _from_base32(segment: str) -> bytes:
    bare = segment.rstrip("=")
    return base64.b32decode(bare + "=" * (-len(bare) % 8))


def _from_hexadecimal(segment: str) -> bytes:
    return bytes.fromhex(_HEXADECIMAL_SIGNS.sub("", segment))
