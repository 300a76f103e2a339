"""Image files that are sent as logos: good ones, and what is sent in their place."""

from base64 import b64encode
from io import BytesIO

from PIL import Image, ImageDraw, PngImagePlugin

from restai_site.tests import pictures

TRANSPARENT, DARK, LIGHT = (0, 0, 0, 0), (10, 10, 40, 255), (250, 250, 255, 255)
SCRIPT = b"<script>alert(1)</script>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>"


def logo(ink=DARK, ground=TRANSPARENT, size=(64, 64), kind="PNG", **options) -> bytes:
    """Return the file of a disc of `ink` on `ground`."""
    image = Image.new("RGBA", size, ground)
    ImageDraw.Draw(image).ellipse((8, 8, size[0] - 8, size[1] - 8), fill=ink)
    return pictures.encoded(image if kind != "JPEG" else image.convert("RGB"), kind, **options)


def with_script() -> bytes:
    """Return a PNG file that is a page of HTML too: in its metadata, and behind its end."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", SCRIPT.decode())
    return logo(pnginfo=info) + SCRIPT


def photograph(side=1200) -> bytes:
    """Return a PNG file of noise, which hardly gets smaller by being compressed."""
    file = BytesIO()
    Image.effect_noise((side, side), 90).convert("RGB").resize((side, side)).save(file, "JPEG")
    return file.getvalue()


REFUSED = {
    "SVG": SVG,
    "SVG compressed": b"\x1f\x8b" + SVG,
    "HTML": b"<!doctype html>" + SCRIPT,
    "HTML after the start of a PNG": pictures.PNG_START + SCRIPT,
    "GIF": pictures.encoded(Image.new("P", (8, 8)), "GIF"),
    "BMP": pictures.encoded(Image.new("RGB", (8, 8)), "BMP"),
    "TIFF": pictures.encoded(Image.new("RGB", (8, 8)), "TIFF"),
    "ICO": pictures.encoded(Image.new("RGBA", (16, 16)), "ICO"),
    "PDF": b"%PDF-1.7\n" + SCRIPT,
    "an address": b"https://evil.example/logo.png",
    "half a file": logo()[:120],
    "huge PNG": pictures.huge_png(),
    "a little too large PNG": pictures.huge_png(4001, 4000),
    "huge JPEG": pictures.huge_jpeg(),
    "huge WebP": pictures.huge_webp(),
    "JPEG of many scans": pictures.jpeg_of_many_scans(300),
    "nothing": b"",
}


def in_base64(content: bytes) -> str:
    return b64encode(content).decode()
