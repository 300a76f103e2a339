"""Images from outside, written anew: only the pixels survive.

The kind of a file is told by its content alone. Metadata (camera, place, comments), further
frames, and whatever hides in the file beside the picture are left behind.

Importing this loads Pillow; who may do without imports it late.
"""

import re
import warnings
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO

from PIL import ExifTags, Image, ImageCms, WebPImagePlugin

from restai_site.lib.errors import Invalid

# Pillow loads the plug-in of WebP, which is not among its first five, only with those of all
# formats there are, unless it is imported: as it is here, for its name.
FORMATS = ("PNG", "JPEG", "GIF", WebPImagePlugin.WebPImageFile.format)
PIXELS_MAX = 40_000_000
SIDE_MAX_PIXELS = 4096
ENCODED_MAX_BYTES = 10 * 1024 * 1024
PROFILE_MAX_BYTES = 4 * 1024 * 1024
JPEG_QUALITY = 90
# PNG's usual 6 takes twice the time for a few per cent.
PNG_COMPRESSION = 3
# What has no more colours than this is a drawing or a screenshot, whose edges JPEG would blur; a
# grey photograph has more. The colours of a sample of this many pixels a side are counted.
FEW_COLOURS = 128
SAMPLE_SIDE = 256
# Real progressive files have about ten scans. Thousands of empty ones, each a pass over all
# pixels, are a known way to keep a decoder busy for hours with a small file.
JPEG_SCANS_MAX = 100
JPEG_SEGMENTS_MAX = 2000
UNREADABLE = "The image is damaged, or is no PNG, JPEG, GIF or WebP file."
TOO_MANY_PIXELS = f"The image has more than {PIXELS_MAX // 1_000_000} million pixels."
UNREADABLE_EMBLEM = "The image is damaged, or is no PNG, JPEG or WebP file."
EMBLEM_FORMATS = ("PNG", "JPEG", WebPImagePlugin.WebPImageFile.format)
EMBLEM_PIXELS_MAX = 16_000_000
EMBLEM_TOO_LARGE = f"The image has more than {EMBLEM_PIXELS_MAX // 1_000_000} million pixels."
# From which opacity a pixel counts as ink, and which mean of 0 to 255 is dark or light ink.
EMBLEM_OPACITY = 96
INK_DARK, INK_LIGHT = 90, 190

_JPEG_START = b"\xff\xd8"
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
_START_OF_SCAN, _END_OF_IMAGE, _WITHOUT_LENGTH = 0xDA, 0xD9, frozenset({0x01, 0xD8})
# How the values of EXIF's orientation are undone (EXIF 2.3, 4.6.4 A).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# The colour space that a profile must speak of to fit an image of a mode, and the mode that it is
# applied to.
_SPACES = {"1": "GRAY", "L": "GRAY", "LA": "GRAY", "I;16": "GRAY", "CMYK": "CMYK"}
_MODES = {"GRAY": "L", "CMYK": "CMYK", "RGB": "RGB"}

# For every use of Pillow in the process. Between this limit and its double Pillow only warns.
Image.MAX_IMAGE_PIXELS = PIXELS_MAX
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class CleanImage:
    """An image that this module has written: PNG or JPEG, upright, in sRGB, without metadata."""

    media_type: str
    content: bytes

    def data_url(self) -> str:
        """Return the image as a data: URL."""
        return f"data:{self.media_type};base64,{b64encode(self.content).decode()}"


class Ink(StrEnum):
    """On which ground a picture with transparent parts can be seen."""

    ANY = ""
    DARK = "dark"
    LIGHT = "light"


@dataclass(frozen=True, slots=True)
class Emblem:
    """A small PNG file that this module has written, and what it takes to see it."""

    content: bytes
    ink: Ink


def rewritten(content: bytes) -> CleanImage:
    """Return the first frame of the image file `content`, written anew.

    At most 4096 pixels a side and 10 MB; PNG where there is transparency or few colours, else
    JPEG. Takes up to seconds: call it in a thread. Raises Invalid for anything but a whole PNG,
    JPEG, GIF or WebP file of at most 40 million pixels, which are counted before any is decoded.
    """
    with _opened(content, FORMATS, PIXELS_MAX, (TOO_MANY_PIXELS, UNREADABLE)) as image:
        return _written(*_normalised(image, SIDE_MAX_PIXELS))


def as_emblem(content: bytes, *, side: int, most_bytes: int) -> Emblem:
    """Return the PNG, JPEG or WebP file `content`, written anew as PNG to stand beside a name.

    At most `side` pixels a side and `most_bytes`. Takes up to a second: call it in a thread, and in
    no transaction. Raises Invalid as `rewritten` does, and for more than 16 million pixels.
    """
    words = EMBLEM_TOO_LARGE, UNREADABLE_EMBLEM
    with _opened(content, EMBLEM_FORMATS, EMBLEM_PIXELS_MAX, words) as image:
        picture, _ = _normalised(image, side)
        return Emblem(_png_within(picture, most_bytes), _ink(picture))


def _ink(picture: Image.Image) -> Ink:
    """Return how light what is not transparent is; a picture with a ground of its own is ANY."""
    if picture.mode != "RGBA":
        return Ink.ANY
    opacity = picture.getchannel("A")
    weights = opacity.histogram()
    if weights[255] + weights[254] == picture.width * picture.height:
        return Ink.ANY
    seen = picture.convert("L").histogram(mask=opacity.point(lambda value: value > EMBLEM_OPACITY))
    total = sum(seen)
    mean = sum(value * count for value, count in enumerate(seen)) / total if total else 0
    return Ink.DARK if mean < INK_DARK else Ink.LIGHT if mean > INK_LIGHT else Ink.ANY


def _png_within(picture: Image.Image, most_bytes: int) -> bytes:
    while True:
        file = BytesIO()
        picture.save(file, "PNG", optimize=True)
        if file.tell() <= most_bytes:
            return file.getvalue()
        picture = picture.reduce(2)


@contextmanager
def _opened(
    content: bytes, formats: tuple[str, ...], most_pixels: int, words: tuple[str, str]
) -> Iterator[Image.Image]:
    """Give the image in `content`; whatever fails inside is refused as what is wrong with it.

    `words` say that it is too large, and that it cannot be read.
    """
    too_many, unreadable = words
    try:
        if content.startswith(_JPEG_START):
            _check_scans(content)
        with Image.open(BytesIO(content), formats=formats) as image:
            _check_pixels(image, most_pixels, too_many)
            yield image
    except Invalid:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _refusal(too_many) from None
    except Exception:  # noqa: BLE001  broken files raise errors of nearly every class
        raise _refusal(unreadable) from None


def _check_pixels(image: Image.Image, most: int, words: str) -> None:
    # Pillow checks too, but lets twice as many pass when another part of the process has changed
    # what becomes of its warning.
    if image.width * image.height > most:
        raise _refusal(words)


def _refusal(words: str) -> Invalid:
    return Invalid(words, code="invalid_image")


def _check_scans(content: bytes) -> None:
    """Refuse a JPEG file that would be gone through too often (ITU T.81, B.1 and B.2)."""
    scans, at = 0, len(_JPEG_START)
    for _ in range(JPEG_SEGMENTS_MAX):
        marker = _JPEG_MARKER.search(content, at)
        if marker is None or marker[0][1] == _END_OF_IMAGE:
            return
        kind, at = marker[0][1], marker.end()
        scans += kind == _START_OF_SCAN
        if scans > JPEG_SCANS_MAX:
            break
        if kind not in _WITHOUT_LENGTH:
            at += int.from_bytes(content[at : at + 2], "big")
    raise _refusal("The image is a JPEG file of too many parts; save it anew, not progressive.")


def _normalised(image: Image.Image, side: int) -> tuple[Image.Image, bool]:
    """Return the picture, RGB or RGBA, as it is meant to be seen; and whether its colours are few.

    It is scaled down to `side` before the costly steps.
    """
    image.load()
    profile, orientation = image.info.get("icc_profile"), _orientation(image)
    space = _SPACES.get(image.mode, "RGB")
    picture = _in_eight_bits(image)
    has_few_colours = _has_few_colours(picture)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    picture = _in_srgb(picture, profile, space)
    if orientation in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[orientation])
    picture.info = {}
    return picture, has_few_colours


def _orientation(image: Image.Image) -> int | None:
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001  as in `rewritten`; here only what is left behind is broken
        return None


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Return `image` as RGBA where some of it is transparent, as CMYK where it is, else as RGB."""
    if image.mode.startswith("I"):
        # Pillow would cut sixteen bits off at 255, not scale them.
        return image.point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if image.mode == "CMYK":
        return image
    wanted = "RGBA" if image.has_transparency_data else "RGB"
    # Not copied without need: a copy of the largest image takes 160 MB.
    return image if image.mode == wanted else image.convert(wanted)


def _has_few_colours(picture: Image.Image) -> bool:
    size = min(picture.width, SAMPLE_SIDE), min(picture.height, SAMPLE_SIDE)
    sample = picture.resize(size, Image.Resampling.NEAREST)
    return sample.getcolors(FEW_COLOURS) is not None


def _in_srgb(picture: Image.Image, profile: bytes | None, space: str) -> Image.Image:
    """Return `picture` in sRGB; a profile that is broken or of another `space` counts as none."""
    colours = _through_profile(picture, profile, space) if profile else None
    if colours is None:
        return picture if picture.mode == "RGBA" else picture.convert("RGB")
    if picture.mode == "RGBA":
        colours.putalpha(picture.getchannel("A"))
    return colours


def _through_profile(picture: Image.Image, profile: bytes, space: str) -> Image.Image | None:
    if len(profile) > PROFILE_MAX_BYTES:
        return None
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if source.profile.xcolor_space.strip() != space:
            return None
        colours = picture.convert(_MODES[space])
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(colours, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _written(picture: Image.Image, has_few_colours: bool) -> CleanImage:
    """Return the file, of half the size where it would be too large, and of half of that …"""
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        picture = picture.convert("RGB")
    as_png = picture.mode == "RGBA" or has_few_colours
    while True:
        file = BytesIO()
        if as_png:
            picture.save(file, "PNG", compress_level=PNG_COMPRESSION)
        else:
            picture.save(file, "JPEG", quality=JPEG_QUALITY)
        if file.tell() <= ENCODED_MAX_BYTES:
            return CleanImage("image/png" if as_png else "image/jpeg", file.getvalue())
        picture = picture.reduce(2)
