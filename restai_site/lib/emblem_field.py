"""A field of the REST API for a small picture, such as a logo."""

from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from restai_site.lib.errors import Invalid

if TYPE_CHECKING:
    from restai_site.lib.images import Emblem

NOT_BASE64 = "Send the file in base64 alone, or null for none."
HELP = "A PNG, JPEG or WebP file of at most 2 MB, in base64. null takes it away."


@extend_schema_field(serializers.CharField(allow_null=True, help_text=HELP))
class EmblemField(serializers.Field[Any, str, Any, Any]):
    """An image file in base64, written anew.

    `write` makes the picture of the file's bytes, or raises Invalid; `most_bytes` is how large a
    file may be, and `too_large` what is said of a larger one.
    """

    def __init__(
        self, *, write: Callable[[bytes], "Emblem"], most_bytes: int, too_large: str, **kwargs: Any
    ) -> None:
        options = {"write_only": True, "required": False, "allow_null": True, "help_text": HELP}
        super().__init__(**{**options, **kwargs})
        self.write, self.too_large = write, too_large
        self.encoded_max_length = (most_bytes + 2) // 3 * 4

    def to_internal_value(self, data: Any) -> "Emblem":
        """Return the picture in `data`."""
        if not isinstance(data, str):
            raise serializers.ValidationError(NOT_BASE64)
        if len(data) > self.encoded_max_length:
            raise serializers.ValidationError(self.too_large)
        try:
            return self.write(b64decode(data, validate=True))
        except (BadBase64, ValueError):
            raise serializers.ValidationError(NOT_BASE64) from None
        except Invalid as error:
            raise serializers.ValidationError(error.message) from None
