"""Small pictures that people upload, such as logos: how large a file may be, what is kept."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from restai_site.lib.errors import Invalid

if TYPE_CHECKING:
    from restai_site.lib.images import Emblem

UPLOAD_MAX_BYTES = 2 * 1024 * 1024
TOO_LARGE = "The picture has more than 2 MB; save it smaller."
Writer = Callable[[bytes], "Emblem"]


def emblem_from(content: bytes, *, side: int, most_bytes: int) -> "Emblem":
    """Return the picture in an uploaded file, written anew with `side` pixels a side at most.

    Call it outside a transaction. Raises Invalid for anything but a PNG, JPEG or WebP file of at
    most UPLOAD_MAX_BYTES.
    """
    if len(content) > UPLOAD_MAX_BYTES:
        raise Invalid(TOO_LARGE, code="invalid_image")
    from restai_site.lib.images import as_emblem  # Pillow: few processes need it

    return as_emblem(content, side=side, most_bytes=most_bytes)
