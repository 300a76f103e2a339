"""Images from outside are told by their content, and only their pixels survive."""

import random
import subprocess
import sys
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from restai_site.lib.errors import Invalid
from restai_site.lib.images import (
    ENCODED_MAX_BYTES,
    PIXELS_MAX,
    TOO_MANY_PIXELS,
    UNREADABLE,
    rewritten,
)
from restai_site.tests import pictures
from restai_site.tests.pictures import encoded, opened, photo

KINDS = ["PNG", "JPEG", "GIF", "WEBP"]
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def noise(mode, size):
    """Return a picture that no format can make small, always the same."""
    pixels = random.Random(1).randbytes(len(mode) * size[0] * size[1])  # noqa: S311
    return Image.frombytes(mode, size, pixels)


def result(content):
    """Return the picture that `rewritten` makes, and its kind."""
    clean = rewritten(content)
    image = opened(clean.content)
    assert clean.media_type == f"image/{image.format.lower()}"
    assert image.mode in {"RGB", "RGBA"}
    return image


def refusal(content):
    with pytest.raises(Invalid) as caught:
        rewritten(content)
    assert caught.value.code == "invalid_image"
    return caught.value.message


def difference(one, other):
    """Return by how much two pictures differ, on average, of 255."""
    return max(ImageStat.Stat(ImageChops.difference(one, other.convert(one.mode))).mean)


def near(pixel, wanted):
    return all(abs(a - b) <= 12 for a, b in zip(pixel, wanted, strict=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"progressive": True, "lossless": True}])
def test_each_format_keeps_its_picture(kind, options):
    image = result(encoded(photo(), kind, **options))
    assert image.size == (64, 48)
    assert difference(image, photo()) < 12


def test_photos_become_jpeg_and_drawings_and_what_is_transparent_png():
    drawing = Image.new("RGB", (64, 48), WHITE)
    drawing.paste(RED, (8, 8, 20, 20))
    see_through = photo().copy()
    see_through.putalpha(Image.linear_gradient("L").resize((64, 48)))
    opaque = photo().convert("RGBA")
    assert result(encoded(photo(), "PNG")).format == "JPEG"
    assert result(encoded(opaque, "PNG")).format == "JPEG"
    assert result(encoded(drawing, "PNG")).format == "PNG"
    assert difference(result(encoded(drawing, "PNG")), drawing) == 0
    image = result(encoded(see_through, "PNG"))
    assert (image.format, image.mode) == ("PNG", "RGBA")
    assert difference(image, see_through) == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_no_metadata_survive(kind):
    clean = rewritten(pictures.with_secrets(kind))
    assert b"SECRET" not in clean.content
    image = opened(clean.content)
    assert dict(image.getexif()) == {}
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_texts_profiles_and_times_of_a_png_are_left_behind():
    chunks = [
        pictures.chunk(b"tEXt", b"Comment\0SECRET"),
        pictures.chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0SECRET"),
        pictures.chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0SECRET"),
        pictures.chunk(b"prVt", b"SECRET"),
    ]
    image = result(pictures.png(2, 1, b"\0" + b"\xff\0\0" * 2, more=b"".join(chunks)))
    assert image.info == {}
    assert image.getpixel((0, 0)) == RED


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"PK\x03\x04SECRET archive", "PNG"),
        (b"<script>SECRET</script>", "JPEG"),
        (b"%PDF-1.7 SECRET", "GIF"),
        (b"<?php SECRET ?>", "WEBP"),
    ],
)
def test_what_is_hidden_behind_the_picture_is_left_behind(payload, kind):
    clean = rewritten(encoded(photo(), kind) + payload)
    assert b"SECRET" not in clean.content
    assert opened(clean.content).size == (64, 48)


# Where the first pixel of the file, and the last of its first row, are seen (EXIF 2.3, 4.6.4 A).
@pytest.mark.parametrize(
    ("orientation", "first", "last"),
    [
        (1, "top left", "top right"),
        (2, "top right", "top left"),
        (3, "bottom right", "bottom left"),
        (4, "bottom left", "bottom right"),
        (5, "top left", "bottom left"),
        (6, "top right", "bottom right"),
        (7, "bottom right", "top right"),
        (8, "bottom left", "top left"),
        (9, "top left", "top right"),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_picture_is_upright(kind, orientation, first, last):
    stored = Image.new("RGB", (64, 32), WHITE)
    stored.paste(RED, (0, 0, 16, 16))
    stored.paste(BLUE, (48, 0, 64, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = result(encoded(stored, kind, exif=exif))
    assert image.size == ((32, 64) if 5 <= orientation <= 8 else (64, 32))
    right, bottom = image.width - 6, image.height - 6
    corners = {
        "top left": (6, 6),
        "top right": (right, 6),
        "bottom left": (6, bottom),
        "bottom right": (right, bottom),
    }
    seen = {name: image.getpixel(place)[:3] for name, place in corners.items()}
    assert near(seen.pop(first), RED)
    assert near(seen.pop(last), BLUE)
    assert all(near(pixel, WHITE) for pixel in seen.values())


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_metadata_that_are_broken_do_not_spoil_the_picture():
    broken = encoded(photo(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + bytes(range(64)))
    assert difference(result(broken), photo()) < 12


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_only_the_first_frame_is_taken(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE, WHITE)]
    film = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert opened(film).n_frames == 3
    image = result(film)
    assert near(image.getpixel((4, 4))[:3], RED)
    assert getattr(image, "n_frames", 1) == 1


def test_a_picture_with_another_one_behind_it_is_the_first():
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    pair = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert opened(pair).n_frames == 2
    image = result(pair)
    assert near(image.getpixel((4, 4)), RED)
    assert getattr(image, "n_frames", 1) == 1


def test_colours_are_those_of_srgb():
    profile = pictures.swapped_profile()
    for kind in ("PNG", "JPEG", "WEBP"):
        red = encoded(Image.new("RGB", (8, 8), RED), kind, icc_profile=profile)
        image = result(red)
        assert near(image.getpixel((4, 4))[:3], BLUE)
        assert "icc_profile" not in image.info


def test_colours_are_converted_beside_transparency_and_in_palettes():
    profile = pictures.swapped_profile()
    half = encoded(Image.new("RGBA", (8, 8), (*RED, 100)), "PNG", icc_profile=profile)
    assert near(result(half).getpixel((4, 4)), (*BLUE, 100))
    indexed = Image.new("RGB", (8, 8), RED).convert("P", palette=Image.Palette.ADAPTIVE)
    assert near(result(encoded(indexed, "PNG", icc_profile=profile)).getpixel((4, 4)), BLUE)


@pytest.mark.parametrize("profile", [b"no profile", b"", pictures.swapped_profile()[:200]])
def test_a_broken_profile_counts_as_none(profile):
    red = encoded(Image.new("RGB", (8, 8), RED), "PNG", icc_profile=profile)
    assert result(red).getpixel((4, 4)) == RED


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_profile_of_another_colour_space_counts_as_none(mode):
    plain = Image.new("RGB", (8, 8), WHITE).convert(mode)
    assert near(
        result(encoded(plain, "JPEG", icc_profile=pictures.swapped_profile())).getpixel((4, 4)),
        WHITE,
    )


def test_inks_become_light():
    inks = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    image = result(encoded(inks, "JPEG"))
    assert image.mode == "RGB"
    assert near(image.getpixel((8, 8)), RED)


def test_a_palette_with_transparent_colours():
    indexed = Image.new("P", (4, 1))
    indexed.putpalette([*RED, *BLUE])
    indexed.putpixel((1, 0), 1)
    for kind, see_through in (("PNG", bytes([255, 60])), ("GIF", 1)):
        image = result(encoded(indexed, kind, transparency=see_through))
        assert image.getpixel((0, 0)) == (*RED, 255)
        assert image.getpixel((1, 0))[3] == (60 if kind == "PNG" else 0)


def test_one_colour_that_means_transparent():
    more = pictures.chunk(b"tRNS", b"\0\xff\0\0\0\0")
    image = result(pictures.png(2, 1, b"\0" + bytes(RED) + bytes(BLUE), more=more))
    assert [image.getpixel((x, 0))[3] for x in (0, 1)] == [0, 255]


def test_sixteen_bits_are_scaled_and_not_cut_off():
    row = b"\0" + b"".join(value.to_bytes(2, "big") for value in (0, 0x8080, 0xFFFF))
    grey = result(pictures.png(3, 1, row, kind=pictures.GREY, depth=16))
    assert [grey.getpixel((x, 0)) for x in range(3)] == [(0,) * 3, (128,) * 3, (255,) * 3]
    row = b"\0" + b"".join(value.to_bytes(2, "big") for value in (0xFFFF, 0x8080, 0, 0x4040))
    colour = result(pictures.png(1, 1, row, kind=pictures.RGBA, depth=16))
    assert near(colour.getpixel((0, 0)), (255, 128, 0, 64))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P"])
def test_every_mode_of_png(mode):
    image = result(encoded(Image.new("RGB", (4, 4), WHITE).convert(mode), "PNG"))
    assert image.getpixel((1, 1)) == WHITE


@pytest.mark.parametrize(
    ("size", "scaled"),
    [((4096, 10), (4096, 10)), ((6144, 300), (4096, 200)), ((1, 9000), (1, 4096))],
)
def test_no_side_is_longer_than_4096_pixels(size, scaled):
    assert result(encoded(Image.new("RGB", size, RED), "PNG")).size == scaled


def test_what_would_be_too_large_a_file_is_made_smaller():
    clean = rewritten(encoded(noise("RGBA", (2000, 2000)), "PNG", compress_level=0))
    assert len(clean.content) <= ENCODED_MAX_BYTES
    assert opened(clean.content).size == (1000, 1000)


FOREIGN = ["TIFF", "BMP", "PPM", "ICO", "TGA", "PCX", "PDF", "EPS", "AVIF", "SGI", "DDS"]


@pytest.mark.parametrize("kind", FOREIGN)
def test_other_formats_are_refused_though_they_could_be_read(kind):
    assert refusal(encoded(photo(), kind)) == UNREADABLE


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"<!doctype html><html>Welcome</html>",
        b"8BPS\0\x01" + bytes(40),
        b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40),
        b"GIF89a" + b"<script>alert(1)</script>",
        b"\xff\xd8\xff\xe0",
        b"RIFF\x10\0\0\0WEBPVP8 ",
        pictures.PNG_START,
        b"push graphic-context\nviewbox 0 0 640 480\nfill 'url(https://example.com/\"|ls)'",
    ],
)
def test_what_is_no_image_is_refused(content):
    assert refusal(content) == UNREADABLE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_what_is_cut_off_is_refused(kind, part):
    content = encoded(noise("RGB", (64, 48)), kind)
    assert refusal(content[: int(len(content) * part)]) == UNREADABLE


@pytest.mark.parametrize(
    "make", [pictures.huge_png, pictures.huge_gif, pictures.huge_jpeg, pictures.huge_webp]
)
def test_a_small_file_of_a_huge_picture_is_refused(make):
    content = make()
    assert len(content) < 5000
    assert refusal(content) == TOO_MANY_PIXELS


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_pixels_are_counted_before_any_is_decoded():
    # The rows of both are nonsense, which only the decoder finds out.
    assert refusal(pictures.huge_png(8000, PIXELS_MAX // 8000 + 1)) == TOO_MANY_PIXELS
    assert refusal(pictures.huge_png(8000, PIXELS_MAX // 8000)) == UNREADABLE


def test_the_largest_picture_is_taken():
    image = result(encoded(Image.new("1", (8000, PIXELS_MAX // 8000)), "PNG"))
    assert image.size == (4096, 2560)


def test_everywhere_in_the_process_pillow_refuses_what_it_would_only_warn_of():
    program = (
        "import sys\n"
        "from io import BytesIO\n"
        "from PIL import Image\n"
        "import restai_site.lib.images\n"
        "try: Image.open(BytesIO(sys.stdin.buffer.read()))\n"
        "except Image.DecompressionBombWarning: print('refused')\n"
    )
    content = pictures.huge_png(8000, 5001)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, input=content, capture_output=True, check=True)
    assert done.stdout.strip() == b"refused"


def test_a_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded():
    assert difference(result(pictures.jpeg_of_many_scans(1)), photo()) < 12
    assert "too many parts" in refusal(pictures.jpeg_of_many_scans(5000))
    # Markers without a length must not hide what follows them.
    hidden = pictures.jpeg_of_many_scans(5000)
    assert "too many parts" in refusal(hidden[:2] + b"\xff\x01" + hidden[2:])
    assert "too many parts" in refusal(b"\xff\xd8" + b"\xff\x01" * 5000 + hidden[2:])


def test_a_film_behind_a_photo_is_not_taken_for_its_scans():
    film = b"\xff\xda" * 5000
    assert difference(result(encoded(photo(), "JPEG") + film), photo()) < 12


SEEDS = [
    *(encoded(photo(), kind) for kind in KINDS),
    encoded(photo(), "JPEG", progressive=True),
    encoded(photo().convert("P"), "PNG", transparency=3),
    pictures.with_secrets(),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=12)), max_size=6),
    st.integers(0, 5000),
)
def test_a_file_that_was_tampered_with_is_an_image_or_refused(seed, changes, length):
    content = bytearray(seed[: len(seed) - length % len(seed)] if length % 3 == 0 else seed)
    for place, data in changes:
        at = place % max(len(content), 1)
        content[at : at + len(data)] = data
    check_image_or_refused(bytes(content))


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from([b"", pictures.PNG_START, b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8X"]),
    st.binary(max_size=400),
)
def test_arbitrary_bytes_are_an_image_or_refused(start, rest):
    check_image_or_refused(start + rest)


def check_image_or_refused(content):
    with suppress(Invalid):
        clean = rewritten(content)
        image = Image.open(BytesIO(clean.content), formats=["PNG", "JPEG"])
        image.load()
        assert max(image.size) <= 4096
