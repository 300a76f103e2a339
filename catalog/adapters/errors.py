"""Failures of a provider in words that a person can act on.

No message holds the key, an address, or more of the provider's own words than a short cleaned
excerpt: people who may only chat read them too. `code` says the same to programs.
"""

import re
import ssl
from typing import Any

import aiohttp
import orjson

from catalog.adapters.types import Endpoint
from restai_site.lib.egress import AddressRefused
from restai_site.lib.errors import DomainError, Invalid, ProviderFailed, ProviderTimedOut

EXCERPT_LENGTH = 200
RETRY_AFTER_MAX_SECONDS = 3600
CONNECTION_FAILURES = (aiohttp.ClientError, TimeoutError, OSError)
# A run of this many characters of the key counts as the key.
KEY_PIECE_LENGTH = 6
_NOT_FOR_EYES = re.compile(
    r"""https?://\S+ | wss?://\S+                        # addresses
      | \[[0-9a-f:.%]+\](?::\d+)?                        # IPv6 in brackets
      | (?<![\w:])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,}    # IPv6
      | \b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b             # IPv4
      | \b[\w.-]+:\d{2,5}\b                              # host:port
      | \b(?:sk|rk|pk|gsk|key|xai|AIza)[-_][\w*.-]{6,}   # keys by their usual beginnings
      | \b(?:Bearer|Basic)\s+\S+
      | \b[\w+/=-]{33,}                                  # long random-looking words
      | \S*\*{3,}\S*                                     # masked keys
    """,
    re.VERBOSE | re.IGNORECASE,
)


def bad_answer(detail: str) -> ProviderFailed:
    """Return the error for an answer that is not what the protocol promises."""
    return ProviderFailed(
        f"The provider's answer could not be understood: {detail}. "
        "Check that the base address belongs to a provider of the chosen kind.",
        code="provider_bad_answer",
    )


def too_large() -> ProviderFailed:
    """Return the error for an answer beyond the size limits."""
    return ProviderFailed(
        "The provider's answer was larger than the platform accepts.", code="provider_bad_answer"
    )


def interrupted() -> ProviderFailed:
    """Return the error for a connection that ended before the answer did."""
    return ProviderFailed(
        "The provider hung up before the answer was complete. Try again.",
        code="provider_interrupted",
    )


def timed_out(endpoint: Endpoint, *, total: bool) -> ProviderTimedOut:
    """Return the error for an answer that took too long, or (not `total`) fell silent."""
    if total:
        seconds = f"{endpoint.timeout_seconds:g}"
        return ProviderTimedOut(f"The provider did not finish its answer within {seconds} seconds.")
    seconds = f"{endpoint.idle_seconds:g}"
    return ProviderTimedOut(f"The provider sent nothing for {seconds} seconds.")


def unencodable() -> Invalid:
    """Return the error for text that cannot be sent as JSON."""
    return Invalid("The text contains characters that are not valid Unicode.")


def unusable_key() -> ProviderFailed:
    """Return the error for a key that no HTTP header can carry."""
    return ProviderFailed(
        "The configured key contains characters that no key has. Enter it again.",
        code="provider_credentials",
    )


def from_exception(  # noqa: PLR0911  one sentence for each kind of failure
    error: BaseException, endpoint: Endpoint
) -> DomainError:
    """Return the error for `error`, raised while connecting or reading."""
    if isinstance(error, AddressRefused) or _is_refused(error):
        return ProviderFailed(
            "The platform does not connect to the provider's address, because it is internal. An "
            "administrator can list its host and port under Settings, Network.",
            code="provider_address",
        )
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        seconds = f"{endpoint.connect_seconds:g}"
        return ProviderTimedOut(f"The provider could not be reached within {seconds} seconds.")
    if isinstance(error, TimeoutError):
        return timed_out(endpoint, total=not isinstance(error, aiohttp.SocketTimeoutError))
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return ProviderFailed(
            "No secure connection to the provider: its certificate is not valid for the "
            "configured address, or it does not speak TLS.",
            code="provider_tls",
        )
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return ProviderFailed(
            "The provider's host name was not found. Check the base address.",
            code="provider_unreachable",
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return _not_connected(error)
    if isinstance(error, aiohttp.InvalidURL):
        return ProviderFailed("The provider's base address is not valid.", code="provider_address")
    if isinstance(error, aiohttp.ClientResponseError):
        return bad_answer("it does not speak HTTP")
    return interrupted()


def _is_refused(error: BaseException) -> bool:
    return isinstance(getattr(error, "os_error", None), AddressRefused)


def _not_connected(error: aiohttp.ClientConnectorError) -> ProviderFailed:
    if isinstance(error.os_error, ConnectionRefusedError):
        return ProviderFailed(
            "The provider refused the connection: nothing listens at the configured address. "
            "Check the base address and that the provider is running.",
            code="provider_unreachable",
        )
    return ProviderFailed(
        "The provider cannot be reached from here. Check the base address and the network.",
        code="provider_unreachable",
    )


def from_status(
    status: int, body: bytes, endpoint: Endpoint, *, retry_after: str | None = None
) -> ProviderFailed:
    """Return the error for an HTTP answer other than 200."""
    said, code = _said_by_provider(body)
    return from_words(status, said, endpoint, code=code, retry_after=retry_after)


def from_words(  # noqa: PLR0911  one sentence for each status
    status: int, said: str, endpoint: Endpoint, *, code: str = "", retry_after: str | None = None
) -> ProviderFailed:
    """Return the error for `status`, where `said` is the provider's own message."""
    excerpt = clean_excerpt(said, endpoint.api_key)
    because = f" It says: “{excerpt}”" if excerpt else ""
    if status in {401, 403}:
        return ProviderFailed(
            f"The provider does not accept the configured key ({status}). "
            "An administrator should check the key and what it may use.",
            code="provider_credentials",
        )
    if status == 402 or code == "insufficient_quota":
        return ProviderFailed(
            "The provider account has no credit left. An administrator should check its billing.",
            code="provider_quota",
        )
    if status == 404 or code == "model_not_found":
        return _not_found(endpoint, said)
    if status == 429:
        return ProviderFailed(
            f"The provider's own rate limit is reached. Try again later.{because}",
            code="provider_rate_limited",
            retry_after=_seconds(retry_after),
        )
    if status in {408, 504}:
        return ProviderTimedOut(f"The provider did not answer in time ({status}).{because}")
    if 400 <= status < 500:
        return ProviderFailed(
            f"The provider did not accept the request ({status}).{because}",
            code="provider_rejected",
            status=400,
        )
    if 300 <= status < 400:
        return ProviderFailed(
            "The provider's address redirects elsewhere. Enter its final base address.",
            code="provider_address",
        )
    return ProviderFailed(
        f"The provider has a problem of its own ({status}). Try again later.{because}",
        code="provider_unavailable",
        retry_after=_seconds(retry_after),
    )


def from_event(error: Any, endpoint: Endpoint) -> ProviderFailed:
    """Return the error for an error object inside a 200 answer or a stream."""
    said, code = _message_and_code({"error": error})
    status = error.get("code") if isinstance(error, dict) else None
    known = isinstance(status, int) and 400 <= status < 600
    return from_words(int(status) if known and status else 500, said, endpoint, code=code)


def clean_excerpt(text: str, api_key: str) -> str:
    """Return at most 200 characters of `text`: one line, without keys and addresses."""
    words = "".join(c if c.isprintable() else " " for c in text[: EXCERPT_LENGTH * 10]).split()
    line = " ".join("…" if _holds_key(word, api_key) else word for word in words)
    line = _NOT_FOR_EYES.sub("…", line)
    if len(line) > EXCERPT_LENGTH:
        line = line[: EXCERPT_LENGTH - 1] + "…"
    return line


def innermost_message(text: str) -> str:
    """Return the message of the JSON error that a library has wrapped in words of its own."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        return text.partition(" - ")[2] or text
    said, _ = _said_by_provider(text[start : end + 1].encode(errors="replace"))
    return said


def _holds_key(word: str, api_key: str) -> bool:
    if len(api_key) <= KEY_PIECE_LENGTH:
        return bool(api_key) and api_key in word
    starts = range(len(api_key) - KEY_PIECE_LENGTH + 1)
    return any(api_key[start : start + KEY_PIECE_LENGTH] in word for start in starts)


def _not_found(endpoint: Endpoint, said: str) -> ProviderFailed:
    if said and "model" not in said.lower():
        return ProviderFailed(
            "The provider has nothing at the configured address (404). Check the base address; "
            "it often ends in /v1.",
            code="provider_address",
        )
    return ProviderFailed(
        f"The provider does not know the model “{endpoint.model}”, or there is nothing at the "
        "configured base address (404).",
        code="provider_model_unknown",
    )


def _said_by_provider(body: bytes) -> tuple[str, str]:
    try:
        return _message_and_code(orjson.loads(body))
    except orjson.JSONDecodeError:
        return "", ""


def _message_and_code(answer: Any) -> tuple[str, str]:
    """Return the message and code of an error in any of the usual shapes."""
    if not isinstance(answer, dict):
        return "", ""
    inner = answer.get("error", answer)
    if isinstance(inner, str):
        return inner, ""
    if not isinstance(inner, dict):
        return "", ""
    said = inner.get("message") or inner.get("detail") or ""
    code = inner.get("code") or inner.get("type") or ""
    return (said if isinstance(said, str) else ""), (code if isinstance(code, str) else "")


def _seconds(text: str | None) -> int | None:
    if text is None or not text.strip().isascii() or not text.strip().isdigit():
        return None
    return min(int(text.strip()[:9]), RETRY_AFTER_MAX_SECONDS)
