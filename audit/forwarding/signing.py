"""AWS Signature Version 4, as buckets ask for it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html; the test has the
example of that page.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlsplit

from django.utils import timezone

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "s3"


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs requests with an access key and its secret, for one region."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str

    def headers(
        self,
        method: str,
        url: str,
        body: bytes,
        given: Mapping[str, str],
        now: datetime | None = None,
    ) -> dict[str, str]:
        """Return the headers to send: those `given`, in small letters, and the signature."""
        parts = urlsplit(url)
        at = (now or timezone.now()).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        own = {"host": parts.netloc, "x-amz-content-sha256": digest, "x-amz-date": at}
        signed = dict(sorted({**given, **own}.items()))
        names = ";".join(signed)
        lines = "".join(f"{name}:{value.strip()}\n" for name, value in signed.items())
        path = quote(unquote(parts.path or "/"), safe="/-_.~")
        request = f"{method}\n{path}\n{parts.query}\n{lines}\n{names}\n{digest}"
        scope = f"{at[:8]}/{self.region}/{SERVICE}/aws4_request"
        hashed = hashlib.sha256(request.encode()).hexdigest()
        signature = self._signature(at[:8], f"{ALGORITHM}\n{at}\n{scope}\n{hashed}")
        credential = f"Credential={self.access_key}/{scope}"
        told = f"{ALGORITHM} {credential},SignedHeaders={names},Signature={signature}"
        return {**signed, "authorization": told}

    def _signature(self, day: str, text: str) -> str:
        key = f"AWS4{self.secret_key}".encode()
        for part in (day, self.region, SERVICE, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
