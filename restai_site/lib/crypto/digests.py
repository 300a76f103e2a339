"""The keyed digest of API keys and tokens."""

import hashlib
import hmac
from functools import lru_cache

from django.conf import settings


@lru_cache(maxsize=4)
def _pepper(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def keyed_digest(text: str) -> str:
    """Return the HMAC-SHA256 of `text` under the server's pepper, in hex.

    For random tokens of 256 bits: a slow hash adds nothing to those, and would cost every request.
    """
    return hmac.new(_pepper(settings.API_KEY_PEPPER), text.encode(), hashlib.sha256).hexdigest()
