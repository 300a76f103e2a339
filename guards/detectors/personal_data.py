"""Personal data that has a form: addresses, numbers of phones, cards, accounts and people."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import phonenumbers
from stdnum import iban, luhn

from guards import normal
from guards.detectors.base import Choices, Configuration, Detector, Lines
from guards.detectors.linear import OWN_MEMORY_BYTES, Expression, compiled
from guards.detectors.national_ids import NATIONAL_IDS, NationalId
from guards.spans import Span, merge

# How far beside a number the word may stand that says what it is.
BESIDE_CHARACTERS = 40

_FILES = {
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "webp",
    "css",
    "js",
    "ts",
    "py",
    "so",
    "dll",
    "service",
    "tgz",
    "zip",
}
_DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}|\d{4}-\d{2}-\d{2}[ T].*")
_AMERICAN = re.compile(r"\(?\d{3}\)?[ .-]\d{3}[.-]\d{4}")
_PHONE_WORDS = ("phone", "tel", "call", "mobil", "cell", "handy", "fax", "whatsapp", "number is")
# Issuers' first digits and lengths, from ISO/IEC 7812 and the issuers' own pages.
_CARD = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|4[4-9]\d|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}"
    r"|62\d{14,17}|(?:50[0-9]{2}|5[6-9]\d\d|6[0-9]{3})\d{8,15}"
)
_NO_DIGIT = re.compile(r"[^0-9]")


@dataclass(frozen=True, slots=True)
class _Candidate:
    text: str
    start: int
    end: int

    @property
    def found(self) -> str:
        return self.text[self.start : self.end]

    def has_beside(self, words: tuple[str, ...]) -> bool:
        before = self.text[max(0, self.start - BESIDE_CHARACTERS) : self.start].lower()
        after = self.text[self.end : self.end + BESIDE_CHARACTERS].lower()
        return any(word in before or word in after for word in words)

    def stands_alone(self) -> bool:
        """Return whether this is no part of a longer word, number, UUID or version."""
        before = self.text[max(0, self.start - 2) : self.start]
        after = self.text[self.end : self.end + 2]
        return not (
            _is_word(before[-1:])
            or _is_word(after[:1])
            or (before[-1:] in {"-", "."} and _is_word(before[:1]) and len(before) == 2)
            or (after[:1] in {"-", "."} and _is_word(after[1:]))
        )


class PersonalData(Detector):
    """Personal data, confirmed by checksums and registers where there are any."""

    slug = "personal_data"
    is_private = True
    title = "Personal data"
    explanation = (
        "Finds e-mail addresses, phone numbers, payment cards, bank accounts, network addresses "
        "and national identification numbers. Checksums are verified. Names and postal addresses "
        "are not found."
    )
    categories = (
        ("email", "E-mail address"),
        ("phone", "Phone number"),
        ("card", "Payment card"),
        ("iban", "Bank account (IBAN)"),
        ("ip_address", "Network address"),
        *((kind.slug, kind.label) for kind in NATIONAL_IDS),
    )
    configuration = (
        Choices(
            name="categories",
            label="What to find",
            help="Network addresses are common in technical texts, so they must be chosen.",
            default=[slug for slug, _ in categories if slug != "ip_address"],
            choices=categories,
        ),
        Lines(
            name="countries",
            label="Countries of phone numbers",
            help="Two letters each, such as DE. Numbers with + and the country are always found.",
            default=["US"],
            limit=10,
            characters=2,
        ),
    )

    def conflicts(self, values: Configuration) -> dict[str, list[str]]:
        """Refuse countries whose phone numbers are not known."""
        for country in values["countries"]:
            if country not in phonenumbers.SUPPORTED_REGIONS:
                return {"countries": [f"There is no country {country}; write two capital letters."]}
        return {}

    def find(self, text: str, configuration: Configuration) -> list[Span]:
        """Return the personal data of the chosen categories."""
        view = normal.plain(text)
        spans = []
        for category in configuration["categories"]:
            for start, end, score in _found(category, view.text, tuple(configuration["countries"])):
                spans.append(Span(*view.original(start, end), category, score))
        return merge(spans)


def _found(
    category: str, text: str, countries: tuple[str, ...]
) -> Iterator[tuple[int, int, float]]:
    for match in _patterns()[category].finditer(text):
        candidate = _Candidate(text, *match.span())
        if category == "phone":
            yield from _phone(candidate, countries)
        else:
            yield from _CHECKS[category](candidate)


def _email(candidate: _Candidate) -> Iterator[tuple[int, int, float]]:
    name, _, domain = candidate.found.rpartition("@")
    token = candidate.text[max(0, candidate.start - 100) : candidate.start].rpartition(" ")[2]
    # `://user:word@host` and `git@host:` are addresses of machines, `icon@2x.png` is a file.
    if "://" in token or name == "git" or domain.rpartition(".")[2].lower() in _FILES:
        return
    yield candidate.start, candidate.end, 1.0


def _phone(candidate: _Candidate, countries: tuple[str, ...]) -> Iterator[tuple[int, int, float]]:
    number = candidate.found
    international = number.startswith("+")
    if not international and (
        not candidate.stands_alone() or _DATE.fullmatch(number) or not _looks_dialled(candidate)
    ):
        return
    for country in (None,) if international else countries:
        try:
            parsed = phonenumbers.parse(number, country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            yield candidate.start, candidate.end, 1.0 if international else 0.8
            return


def _looks_dialled(candidate: _Candidate) -> bool:
    number = candidate.found
    return (
        bool(_AMERICAN.fullmatch(number))
        or (number[0] in "0(" and not number.isdigit() and "." not in number)
        or candidate.has_beside(_PHONE_WORDS)
    )


def _card(candidate: _Candidate) -> Iterator[tuple[int, int, float]]:
    digits = _NO_DIGIT.sub("", candidate.found)
    if (
        candidate.stands_alone()
        and _CARD.fullmatch(digits)
        and luhn.is_valid(digits)
        and len(set(digits)) > 1
    ):
        yield candidate.start, candidate.end, 1.0


def _iban(candidate: _Candidate) -> Iterator[tuple[int, int, float]]:
    """Find the account at the start of the candidate, behind which words may stand."""
    places = [
        place for place in range(candidate.start, candidate.end) if candidate.text[place].isalnum()
    ]
    letters = "".join(candidate.text[place] for place in places)
    for length in range(min(len(places), 34), 14, -1):
        end = places[length - 1] + 1
        if (
            iban.is_valid(letters[:length])
            and _Candidate(candidate.text, candidate.start, end).stands_alone()
        ):
            yield candidate.start, end, 1.0
            return


def _ip_address(candidate: _Candidate) -> Iterator[tuple[int, int, float]]:
    try:
        address = ipaddress.ip_address(candidate.found)
    except ValueError:
        return
    six = address.version == 6
    # `a::b` is a name in a program; an address has a group of three digits or more.
    if six and not re.search(r"[0-9a-fA-F]{3}", candidate.found):
        return
    before = candidate.text[max(0, candidate.start - 9) : candidate.start].lower()
    if not six and re.search(r"(?:\bv|version|release)[ .:=]*$", before):
        return
    if candidate.stands_alone() and not (address.is_loopback or address.is_unspecified):
        yield candidate.start, candidate.end, 0.9


def _national(kind: NationalId) -> Callable[[_Candidate], Iterator[tuple[int, int, float]]]:
    def check(candidate: _Candidate) -> Iterator[tuple[int, int, float]]:
        if not candidate.stands_alone() or not kind.valid(candidate.found):
            return
        named = candidate.has_beside(kind.words)
        if named or not kind.needs_words(candidate.found):
            yield candidate.start, candidate.end, 1.0 if named else 0.8

    return check


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


_CHECKS: dict[str, Callable[[_Candidate], Iterator[tuple[int, int, float]]]] = {
    "email": _email,
    "card": _card,
    "iban": _iban,
    "ip_address": _ip_address,
    **{kind.slug: _national(kind) for kind in NATIONAL_IDS},
}


@cache
def _patterns() -> dict[str, Expression]:
    written = {
        "email": r"[\pL\pN._%+'-]+@(?:[\pL\pN-]+\.)+\pL\pL+",
        "phone": r"(?:\+|\()?\d[\d ()./\x{2010}\x{2011}-]{5,22}\d",
        "card": r"\b\d(?:[ -]?\d){11,18}\b",
        "iban": r"(?i)\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}",
        "ip_address": r"\b\d{1,3}(?:\.\d{1,3}){3}\b|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}",
        **{kind.slug: rf"\b{kind.pattern}\b" for kind in NATIONAL_IDS},
    }
    return {
        category: compiled(pattern, memory=OWN_MEMORY_BYTES)
        for category, pattern in written.items()
    }
