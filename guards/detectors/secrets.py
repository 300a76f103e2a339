"""Keys, tokens and passwords, by the forms that their makers publish and by how they are set."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from guards import normal
from guards.detectors.base import Choices, Configuration, Detector
from guards.detectors.linear import OWN_MEMORY_BYTES, Expression, compiled
from guards.spans import Span, merge

# Bits for each character. English words stay under 3.0 up to twelve letters or so; keys of twelve
# random letters and digits are above it.
RANDOM_BITS = 3.0

_WORD = r"[A-Za-z0-9_-]"
_PROVIDER_KEYS = (
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
    rf"\bgh[opsur]_[A-Za-z0-9]{{36,}}|\bgithub_pat_{_WORD}{{40,}}",
    rf"\bgl(?:pat|ptt|dt|rt|soat|cbt|ft|imt|agent)-{_WORD}{{20,}}",
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{20,}",
    r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,}",
    r"https://discord(?:app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]{40,}",
    r"\b[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9+/=]{24,}",
    rf"\bsk-(?:ant-|proj-|svcacct-|admin-|or-v1-)?{_WORD}{{20,}}",
    r"\bAIza[A-Za-z0-9_-]{35}|\bGOCSPX-[A-Za-z0-9_-]{20,}|\bya29\.[A-Za-z0-9_-]{20,}",
    r"\bhf_[A-Za-z0-9]{30,}|\bgsk_[A-Za-z0-9]{40,}|\br8_[A-Za-z0-9]{36,}|\bpplx-[A-Za-z0-9]{40,}",
    r"\bnpm_[A-Za-z0-9]{36}|\bpypi-[A-Za-z0-9_-]{50,}|\bdckr_pat_[A-Za-z0-9_-]{20,}",
    r"\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}|\bkey-[0-9a-f]{32}\b",
    r"\b(?:AC|SK)[0-9a-f]{32}\b|\b\d{8,10}:AA[A-Za-z0-9_-]{33}",
    r"\bdo[opr]_v1_[0-9a-f]{64}|\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|\bsq0[a-z]{3}-[A-Za-z0-9_-]{22,}",
    r"\bhvs\.[A-Za-z0-9_-]{24,}|\blin_api_[A-Za-z0-9]{40}|\bglsa_[A-Za-z0-9]{32}_[0-9a-f]{8}",
    r"\b[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
    r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}",
)
_PRIVATE_KEY = (
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s\\,:.()-]*"
    r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s\\]*)"
)
_JWT = r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
_URL = r"[A-Za-z][A-Za-z0-9+.-]*://[^\s:/@\"'<>]*:([^\s@/\"'<>]{3,})@[^\s@/\"'<>]+"
_HEADER = r"(?i)\b(?:bearer|basic|token)\s+([A-Za-z0-9._~+/-]{20,}=*)"
_ASSIGNED = (
    r"(?i)(?:pass(?:word|wd|phrase)|pwd|secret|token|(?:api|access|account|private|encryption|auth)"
    r"[_ -]?key|credentials?)[a-z0-9_-]*[\"']?\s*(?:(?:is|:=|=>|=|:)\s*)[\"'`]?([^\s\"'`,;]{8,})"
)
# What is written where a secret would stand.
_PLACEHOLDER = re.compile(
    r"[<>{}$%\[\]()]|\*{3}|x{4}|\.{3}|^(?:your|my|the|some|example|change|replace|insert|dummy|sample|test|"
    r"none|null|undefined|process|os|self|settings|config|request|secrets?|env)[\b._-]|example|placeholder|"
    r"password|^\w+\.\w+$",
    re.IGNORECASE,
)


class Secrets(Detector):
    """Keys, tokens and passwords."""

    slug = "secrets"
    is_private = True
    title = "Secrets and keys"
    explanation = (
        "Finds keys of well-known providers, private keys, signed tokens, passwords in addresses, "
        "and values that look random where a password, key or token is set."
    )
    categories = (
        ("provider_key", "Key of a provider"),
        ("private_key", "Private key"),
        ("signed_token", "Signed token (JWT)"),
        ("url_password", "Password in an address"),
        ("assigned_secret", "Value set as a secret"),
    )
    configuration = (
        Choices(
            name="categories",
            label="What to find",
            help="Values set as a secret are judged by how random they look.",
            default=[slug for slug, _ in categories],
            choices=categories,
        ),
    )

    def find(self, text: str, configuration: Configuration) -> list[Span]:
        """Return the secrets of the chosen categories, values without what they are set to."""
        view = normal.plain(text)
        return merge(
            Span(*view.original(start, end), category, score)
            for category in configuration["categories"]
            for start, end, score in _found(category, view.text)
        )


def _found(category: str, text: str) -> Iterator[tuple[int, int, float]]:
    for pattern, group in _patterns()[category]:
        for match in pattern.finditer(text):
            value = match[group]
            if category == "assigned_secret" and not _looks_random(value):
                continue
            if category == "url_password" and _PLACEHOLDER.search(value):
                continue
            yield *match.span(group), 0.8 if category == "assigned_secret" else 1.0


def _looks_random(value: str) -> bool:
    if _PLACEHOLDER.search(value) or not any(map(str.isdigit, value)):
        return False
    counts = Counter(value)
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
    # Nothing of eight different characters has more than three bits.
    return bits >= min(RANDOM_BITS, 0.9 * math.log2(len(value)))


@cache
def _patterns() -> dict[str, list[tuple[Expression, int]]]:
    written = {
        "provider_key": [(pattern, 0) for pattern in _PROVIDER_KEYS],
        "private_key": [(_PRIVATE_KEY, 0)],
        "signed_token": [(_JWT, 0)],
        "url_password": [(_URL, 1)],
        "assigned_secret": [(_ASSIGNED, 1), (_HEADER, 1)],
    }
    return {
        category: [
            (compiled(pattern, memory=OWN_MEMORY_BYTES), group) for pattern, group in patterns
        ]
        for category, patterns in written.items()
    }
