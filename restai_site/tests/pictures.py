"""Image files for tests, good and hostile."""

import struct
import zlib
from io import BytesIO

from PIL import Image, ImageCms

PNG_START = b"\x89PNG\r\n\x1a\n"
RGB, RGBA, GREY, PALETTE = 2, 6, 0, 3


def photo(width: int = 64, height: int = 48) -> Image.Image:
    """Return a picture of many colours: red grows to the right, green downwards."""
    red = Image.linear_gradient("L").rotate(90).resize((width, height))
    green = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (red, green, Image.new("L", (width, height), 90)))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return the file of `image`."""
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(content: bytes) -> Image.Image:
    """Return the picture in a file, read to its end."""
    image = Image.open(BytesIO(content))
    image.load()
    return image


def png(
    width: int, height: int, rows: bytes, *, kind: int = RGB, depth: int = 8, more: bytes = b""
) -> bytes:
    """Return a PNG file of just this header and these rows (each begins with its filter, 0).

    `more` are chunks before the rows.
    """
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = chunk(b"IHDR", head), more, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return PNG_START + b"".join(parts)


def chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def huge_png(width: int = 30_000, height: int = 30_000) -> bytes:
    """Return a small file that says that it is huge."""
    return png(width, height, b"nothing of the kind")


def huge_gif() -> bytes:
    """Return a GIF file whose screen is of one pixel and whose first frame is huge."""
    screen = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0)
    return screen + b"," + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0) + b"\x02\x02\x4c\x01\x00;"


def huge_jpeg() -> bytes:
    """Return a JPEG file that says that it is huge."""
    content = bytearray(encoded(photo(8, 8), "JPEG"))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", 65_000, 65_000)
    return bytes(content)


def huge_webp() -> bytes:
    """Return a WebP file whose canvas is huge."""
    image = encoded(Image.new("RGB", (1, 1)), "WEBP", lossless=True)[12:]
    side = (60_000 - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<II", 10, 0) + side + side + image
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_of_many_scans(scans: int) -> bytes:
    """Return a progressive JPEG file whose last scan comes this often."""
    content = encoded(photo(), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * scans + content[-2:]


def swapped_profile() -> bytes:
    """Return a colour profile whose red is the blue of sRGB, and its blue the red."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")


def with_secrets(kind: str = "JPEG") -> bytes:
    """Return a photo whose metadata hold a place, a camera and a comment, all marked SECRET."""
    exif = Image.Exif()
    exif[0x010F] = "SECRET camera"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0), 0x1D: "SECRET"})
    more = {"comment": b"SECRET comment"} if kind == "JPEG" else {}
    content = encoded(photo(), kind, exif=exif, xmp=b"<x>SECRET</x>", **more)
    assert content.count(b"SECRET") >= 2
    return content
