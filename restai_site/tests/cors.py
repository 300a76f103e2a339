"""What a page of another site sends, and what no answer to it may hold."""

from collections.abc import Iterable

EVIL = "https://evil.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type",
    "Access-Control-Request-Private-Network": "true",
}
# As a browser asks from a foreign page, and from a sandboxed frame or a local file.
ORIGINS = (EVIL, "null")
# A method, and the headers that go with it.
REQUESTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("GET", {"Origin": EVIL}),
    ("POST", {"Origin": "null"}),
    ("OPTIONS", {"Origin": EVIL, **PREFLIGHT}),
)


def cors_headers(names: Iterable[str]) -> list[str]:
    """Return those of the names of headers that open an answer to pages of other sites."""
    return [name for name in names if name.lower().startswith("access-control-")]
