"""How a text is spelled where it has been quoted or encoded."""

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

# What stays unquoted: for Python's quote and quote_plus, JavaScript's encodeURIComponent and
# encodeURI, beside the letters, digits and -._~ of RFC 3986.
UNQUOTED = ("", "/", "!'()*", "!'()*;,/?:@&=+$#")
# What JSON that may stand in HTML also escapes: as Go and Django, and as Flask write it.
UNSAFE_IN_HTML = ("<>&", "<>&'")
HEX_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}")
# How the two characters of base64 that mean something elsewhere are written: as they are, in
# base64 for URLs, in PHP's JSON, in URLs.
BASE64_ALPHABETS = [
    str.maketrans({"+": plus, "/": slash})
    for plus, slash in (("+", "/"), ("-", "_"), ("+", "\\/"), ("%2B", "%2F"), ("%2b", "%2f"))
]


class Spelling(NamedTuple):
    """A spelling, and how many characters on either side of it carry a part of the text as well."""

    text: str
    before: int = 0
    after: int = 0


def spellings(text: str) -> set[Spelling]:
    """Return `text` as it is, and as JSON, URLs, HTML, Python and base64 write it."""
    found = set()
    for lines in {text, text.replace("\r\n", "\n"), re.sub("\r?\n", "\r\n", text)}:
        found |= {Spelling(form) for form in _quoted(lines)}
        found |= set(_in_base64(lines.encode()))
    return found


def _quoted(text: str) -> set[str]:
    forms = {text, repr(text)[1:-1], html.escape(text), html.escape(text, quote=False)}
    for ascii_only in (True, False):
        forms |= _in_json(text, ascii_only=ascii_only)
    for unquoted in UNQUOTED:
        form = quote(text, safe=unquoted)
        forms |= {form, form.replace("%20", "+")}
    return forms | {HEX_ESCAPE.sub(_upper, form) for form in forms} | _lower(forms)


def _in_json(text: str, *, ascii_only: bool) -> set[str]:
    """Return the inside of a JSON string, and of one that stands in another."""
    plain = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
    inner = {plain, plain.replace("/", "\\/")}
    for unsafe in UNSAFE_IN_HTML:
        escapes = {ord(character): f"\\u{ord(character):04x}" for character in unsafe}
        inner.add(plain.translate(escapes))
    return inner | {json.dumps(form, ensure_ascii=ascii_only)[1:-1] for form in inner}


def _upper(escape: re.Match[str]) -> str:
    return (
        escape[0][:2].lower() + escape[0][2:].upper() if escape[0][0] == "\\" else escape[0].upper()
    )


def _lower(forms: set[str]) -> set[str]:
    return {HEX_ESCAPE.sub(lambda escape: escape[0].lower(), form) for form in forms}


def _in_base64(data: bytes) -> Iterator[Spelling]:
    """Yield the characters that `data` alone decides, for each place in a group of three bytes.

    Each character carries six bits; those at the edges may share theirs with what stands beside
    `data` and are counted in `before` and `after`.
    """
    for shift in range(3):
        begin, end = 8 * shift, 8 * (shift + len(data))
        whole = b64encode(bytes(shift) + data).decode()
        core = whole[-(-begin // 6) : end // 6]
        before, after = int(begin % 6 > 0), int(end % 6 > 0)
        for alphabet in BASE64_ALPHABETS:
            yield Spelling(core.translate(alphabet), before, after)
