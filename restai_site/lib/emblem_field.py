"""A field of the REST API for a small picture, such as a logo."""

from base64 import b64decode
from binascii import Error as BadBase64
from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from restai_site.lib.emblems import TOO_LARGE, UPLOAD_MAX_BYTES, Writer
from restai_site.lib.errors import Invalid

if TYPE_CHECKING:
    from restai_site.lib.images import Emblem

ENCODED_MAX_LENGTH = (UPLOAD_MAX_BYTES + 2) // 3 * 4
NOT_BASE64 = "Send the file in base64 alone, or null for none."
HELP = "A PNG, JPEG or WebP file of at most 2 MB, in base64. null takes it away."


@extend_schema_field(serializers.CharField(allow_null=True, help_text=HELP))
class EmblemField(serializers.Field[Any, str, Any, Any]):
    """An image file in base64. `write` makes the picture of its bytes, or raises Invalid."""

    def __init__(self, *, write: Writer, **kwargs: Any) -> None:
        options = {"write_only": True, "required": False, "allow_null": True, "help_text": HELP}
        super().__init__(**{**options, **kwargs})
        self.write = write

    def to_internal_value(self, data: Any) -> "Emblem":
        """Return the picture in `data`."""
        if not isinstance(data, str):
            raise serializers.ValidationError(NOT_BASE64)
        if len(data) > ENCODED_MAX_LENGTH:
            raise serializers.ValidationError(TOO_LARGE)
        try:
            return self.write(b64decode(data, validate=True))
        except (BadBase64, ValueError):
            raise serializers.ValidationError(NOT_BASE64) from None
        except Invalid as error:
            raise serializers.ValidationError(error.message) from None
