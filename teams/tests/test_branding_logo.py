"""Logos: whatever is uploaded, what is kept is a small PNG file that the platform has written."""

import pytest

from restai_site.lib.emblems import TOO_LARGE, UPLOAD_MAX_BYTES
from restai_site.lib.errors import Invalid
from restai_site.lib.images import Ink
from restai_site.tests.pictures import PNG_START, opened, with_secrets
from teams.branding import LOGO_MAX_BYTES, logo_from
from teams.tests.logos import DARK, LIGHT, REFUSED, SCRIPT, logo, photograph, with_script


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_logo_is_kept_as_png(kind):
    kept = logo_from(logo(kind=kind, ground=(255, 255, 255, 255)))
    assert kept.content.startswith(PNG_START)
    assert opened(kept.content).size == (64, 64)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_image_of_these_kinds_is_refused_in_words(name):
    with pytest.raises(Invalid) as refusal:
        logo_from(REFUSED[name])
    assert refusal.value.code == "invalid_image"
    expected = "16 million pixels" if "large PNG" in name or "huge" in name else "The image is"
    if name != "huge WebP":
        assert expected in refusal.value.message


def test_a_file_of_more_than_two_megabytes_is_refused_unread():
    with pytest.raises(Invalid, match="2 MB"):
        logo_from(logo() + bytes(UPLOAD_MAX_BYTES))
    assert TOO_LARGE.endswith(".")


def test_what_hides_beside_the_picture_is_left_behind():
    sent = with_script()
    assert sent.count(SCRIPT) == 2
    assert SCRIPT not in logo_from(sent).content
    assert b"SECRET" not in logo_from(with_secrets("JPEG")).content


def test_a_large_logo_is_made_small_in_pixels_and_bytes():
    wide = opened(logo_from(logo(size=(3000, 1000))).content)
    assert (wide.width, 170 <= wide.height <= 171) == (512, True)
    heavy = logo_from(photograph())
    assert len(heavy.content) <= LOGO_MAX_BYTES
    assert opened(heavy.content).width in {256, 512}


def test_a_long_thin_logo_stays_a_picture():
    assert opened(logo_from(logo(size=(4000, 20))).content).size == (512, 3)


def test_a_logo_that_one_theme_would_hide_is_known_by_its_ink():
    assert logo_from(logo(ink=DARK)).ink is Ink.DARK
    assert logo_from(logo(ink=LIGHT)).ink is Ink.LIGHT
    assert logo_from(logo(ink=(200, 60, 60, 255))).ink is Ink.ANY
    assert logo_from(logo(ink=DARK, ground=(255, 255, 255, 255))).ink is Ink.ANY
    assert logo_from(logo(ink=(0, 0, 0, 0))).ink is not Ink.LIGHT
