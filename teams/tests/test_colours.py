"""Colours of teams: whatever is chosen, what is made of it can be read, and is nothing else."""

import colorsys
import math
import random
import re
from itertools import combinations

import pytest

from teams import colours
from teams.colours import (
    HARDEST_GROUND,
    QUIET_INK,
    SURFACE,
    THEMES,
    contrast,
    palette,
    readable,
    stylesheet,
    text_on,
)

HEX = re.compile(r"#[0-9a-f]{6}")
SHEET = re.compile(r":root\{(--brand-[a-z-]+:(#[0-9a-f]{6}|\d{1,3}, \d{1,3}, \d{1,3});)+\}")
EXTREMES = ["#000000", "#ffffff", "#808080", "#ff0000", "#00ff00", "#0000ff", "#ffff00", "#767676"]


def at_random(count: int) -> list[str]:
    chance = random.Random(20261126)  # noqa: S311 - the same in each run
    return [f"#{chance.randrange(1 << 24):06x}" for _ in range(count)]


RANDOM = at_random(500)
PAIRS = [
    *zip(EXTREMES, reversed(EXTREMES), strict=True),
    *zip(RANDOM[:250], RANDOM[250:], strict=True),
]


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        # Black on white is 21 by definition; the greys are the edges that W3C's techniques name.
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#959595", "#ffffff", 2.995),
        ("#949494", "#ffffff", 3.03),
        ("#ff0000", "#ffffff", 4.00),
        ("#0000ff", "#ffffff", 8.59),
    ],
)
def test_contrast_is_that_of_wcag(one, other, ratio):
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(one, other) == contrast(other, one)


@pytest.mark.parametrize(
    "written",
    [
        *("", "red", "#fff", "#ffffff0", "ffffff", "#FFFFFF", "#gggggg", "#12345", "#12345\n"),
        *("#ffffff\n", " #ffffff", "#ffffff;", "red;}body{display:none", "url(//evil)"),
        *("#\uff11\uff12\uff13\uff14\uff15\uff16", "rgb(0,0,0)", "#ffffff}"),
    ],
)
def test_nothing_but_a_colour_is_a_colour(written):
    with pytest.raises(ValueError, match="six hexadecimal digits"):
        colours.channels(written)
    if written:
        with pytest.raises(ValueError, match="six hexadecimal digits"):
            stylesheet("#000000", written)


def test_text_on_any_colour_can_be_read():
    assert all(contrast(text_on(one), one) >= 4.5 for one in [*EXTREMES, *at_random(2000)])


def test_a_colour_is_moved_until_it_can_be_read_and_no_further():
    for colour in [*EXTREMES, *at_random(300)]:
        for ground in HARDEST_GROUND.values():
            shown = readable(colour, ground)
            assert contrast(shown, ground) >= 4.5
            if contrast(colour, ground) >= 4.5:
                assert shown == colour
            else:
                # One step of 255 changes the ratio by far less than this, unless it is white.
                assert contrast(shown, ground) < 4.75 or shown in {"#000000", "#ffffff"}


def test_a_colour_that_is_moved_keeps_its_hue():
    def hue(colour):
        return colorsys.rgb_to_hls(*(value / 255 for value in colours.channels(colour)))[0]

    for colour in ("#fff3b0", "#ffd6e0", "#14142b", "#00ff00"):
        for ground in HARDEST_GROUND.values():
            assert hue(readable(colour, ground)) == pytest.approx(hue(colour), abs=0.02)


def test_a_ground_in_the_middle_gets_the_best_there_is():
    assert readable("#808080", "#767676", 15) == text_on("#767676")


@pytest.mark.parametrize(("primary", "secondary"), PAIRS)
def test_whatever_two_colours_a_team_has_its_pages_can_be_read(primary, secondary):
    made = palette(primary, secondary)
    assert contrast(made["on-primary"], made["primary"]) >= 4.5
    assert contrast(made["on-primary"], made["primary-hover"]) >= 4.5
    for theme in THEMES:
        here = {name.removesuffix(f"-{theme}"): value for name, value in made.items()}
        for link in (here["link"], here["link-hover"]):
            assert contrast(link, HARDEST_GROUND[theme]) >= 4.5
            assert contrast(link, SURFACE[theme]) >= 4.5
        assert contrast(here["tint-ink"], here["tint"]) >= 4.5
        assert contrast(here["edge"], SURFACE[theme]) >= 3
        for ground in (here["tint"], here["bubble"]):
            assert contrast(QUIET_INK[theme], ground) >= 4.5
        series = [here["chart-one"], here["chart-two"], here["chart-three"]]
        assert len({*series, colours.FAILURE[theme]}) == 4
        assert all(contrast(one, SURFACE[theme]) >= 3 for one in series)


def distance(one: str, other: str) -> float:
    return math.dist(colours.channels(one), colours.channels(other))


def test_series_of_a_chart_are_told_apart_from_each_other_and_from_failures():
    for primary, secondary in [("#c9404b", "#c9404b"), ("#f0757d", "#6c5bd0"), *PAIRS]:
        made = palette(primary, secondary)
        for theme in THEMES:
            shown = [made[f"chart-{name}-{theme}"] for name in ("one", "two", "three")]
            shown.append(colours.FAILURE[theme])
            apart = [distance(one, other) for one, other in combinations(shown, 2)]
            assert min(apart) > 60, (primary, secondary, theme, shown)


ONE_OR_NONE = [("", ""), ("#123456", ""), ("", "#123456")]


@pytest.mark.parametrize(("primary", "secondary"), [*PAIRS[:30], *ONE_OR_NONE])
def test_a_style_sheet_holds_variables_of_colours_and_nothing_else(primary, secondary):
    assert SHEET.fullmatch(stylesheet(primary, secondary))
    values = [value for name, value in palette(primary, secondary).items() if name != "primary-rgb"]
    assert all(HEX.fullmatch(value) for value in values)


def test_a_style_sheet_of_other_colours_has_another_name():
    names = {colours.style_hash(primary, secondary) for primary, secondary in PAIRS}
    assert len(names) == len({stylesheet(*pair) for pair in PAIRS})
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in names)


def test_every_variable_has_a_value_of_the_platforms_own():
    """Without a team's style sheet nothing may be undefined, and nothing else is overridden."""
    from django.conf import settings

    own = (settings.BASE_DIR / "static/css/app.css").read_text()
    block = own[own.index(":root {") : own.index("}", own.index(":root {"))]
    declared = set(re.findall(r"--brand-[a-z-]+(?=:)", block))
    assert declared == {f"--brand-{name}" for name in palette("", "")}


def test_what_the_sheets_say_of_the_themes_is_what_is_reckoned_with():
    from django.conf import settings

    own = (settings.BASE_DIR / "static/css/app.css").read_text()
    for variable, values in (
        ("--tblr-bg-surface", SURFACE),
        ("--quiet", QUIET_INK),
        ("--chart-bad", colours.FAILURE),
    ):
        assert f"{variable}: light-dark({values['light']}, {values['dark']})" in own
    names = "tblr-body-bg|tblr-bg-surface|tblr-bg-forms|ground|hover"
    grounds = re.findall(rf"--(?:{names}): light-dark\((\S+), (\S+)\)", own)
    assert len(grounds) == 5
    for light, dark in grounds:
        assert colours.luminance(light) >= colours.luminance(HARDEST_GROUND["light"])
        assert colours.luminance(dark) <= colours.luminance(HARDEST_GROUND["dark"])


def test_what_is_corrected_is_told():
    assert colours.corrections("") == []
    assert colours.corrections("#fff3b0") == ["Shown darker (#7f6c00) as text in the light theme."]
    assert colours.corrections("#14142b") == ["Shown lighter (#8e8ecb) as text in the dark theme."]
    assert len(colours.corrections("#808080")) == 2
