"""From the two colours of a team to all that pages draw with them, with enough contrast to be read.

Relative luminance and contrast ratio are those of WCAG 2.2 (https://www.w3.org/TR/WCAG22/, terms
"relative luminance" and "contrast ratio"); the limits are its success criteria 1.4.3 and 1.4.11.
"""

import colorsys
import math
import re
from functools import lru_cache
from hashlib import sha256

# As the validator of a field and the database put it.
PATTERN = r"^#[0-9a-f]{6}$"
TEXT_CONTRAST = 4.5
SHAPE_CONTRAST = 3.0
BLACK, WHITE = "#000000", "#ffffff"
DEFAULT_PRIMARY, DEFAULT_SECONDARY = "#0b7a75", "#6c5bd0"
THEMES = ("light", "dark")
# What static/css/app.css says of each theme: the ground of cards, what stands out least from text
# of all that text of a colour of the team is written on, the ink of texts that matter less, and
# the series of failures in charts.
SURFACE = {"light": "#ffffff", "dark": "#182021"}
HARDEST_GROUND = {"light": "#ebf0f0", "dark": "#20302f"}
QUIET_INK = {"light": "#566364", "dark": "#9aa8a9"}
FAILURE = {"light": "#c9404b", "dark": "#f0757d"}
# How much of the secondary colour is in the ground of what is chosen, and of what people say.
TINT_PERCENT = {"light": 13, "dark": 26}
BUBBLE_PERCENT = {"light": 9, "dark": 16}
HOVER_STEPS = 22
# From about this distance in RGB two series of a chart are told apart easily.
SERIES_DISTANCE = 110
SERIES_CHOICES = (DEFAULT_SECONDARY, "#b3660a", DEFAULT_PRIMARY, "#e3a448", "#35b3a8", "#9a2560")
HASH_LENGTH = 16

_COLOUR = re.compile(PATTERN)
Channels = tuple[int, int, int]


def channels(colour: str) -> Channels:
    """Return red, green and blue, 0 to 255. Raises ValueError for all but `#rrggbb`."""
    if not _COLOUR.fullmatch(colour) or len(colour) != 7:
        raise ValueError("A colour is # and six hexadecimal digits.")
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: str) -> float:
    """Return the relative luminance, from 0 for black to 1 for white."""
    red, green, blue = (_linear(value / 255) for value in channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def text_on(ground: str) -> str:
    """Return black or white, whichever is read more easily; it is 4.58:1 at the least."""
    return max((WHITE, BLACK), key=lambda ink: contrast(ink, ground))


def readable(colour: str, ground: str, ratio: float = TEXT_CONTRAST) -> str:
    """Return `colour`, made as much lighter or darker as it takes to reach `ratio` on `ground`.

    It goes away from the ground, and keeps its hue. Where `ground` is so close to the middle that
    not even black or white reaches `ratio`, that is what is returned.
    """
    step = -1 if text_on(ground) == BLACK else 1
    for steps in range(256):
        moved = _moved(colour, step * steps)
        if contrast(moved, ground) >= ratio:
            return moved
    return text_on(ground)


def mixed(colour: str, ground: str, percent: int) -> str:
    """Return `ground` with `percent` of `colour` in it."""
    pairs = zip(channels(colour), channels(ground), strict=True)
    return _hex(*(round((a * percent + b * (100 - percent)) / 100) for a, b in pairs))


def _moved(colour: str, steps: int) -> str:
    """Return `colour` with its HSL lightness moved by so many of 255 steps."""
    if not steps:
        return colour
    hue, lightness, saturation = colorsys.rgb_to_hls(*(value / 255 for value in channels(colour)))
    moved = min(1.0, max(0.0, lightness + steps / 255))
    return _hex(*(round(value * 255) for value in colorsys.hls_to_rgb(hue, moved, saturation)))


def _hex(red: int, green: int, blue: int) -> str:
    return f"#{red:02x}{green:02x}{blue:02x}"


def _distance(one: str, other: str) -> float:
    pairs = zip(channels(one), channels(other), strict=True)
    return math.sqrt(sum((a - b) ** 2 for a, b in pairs))


def _tinted(colour: str, theme: str, percent: int) -> str:
    """Return the surface with some of `colour`, no more than texts on it bear."""
    surface, ink = SURFACE[theme], QUIET_INK[theme]
    shares = range(percent, 0, -1)
    tints = (mixed(colour, surface, share) for share in shares)
    return next((tint for tint in tints if contrast(tint, ink) >= TEXT_CONTRAST), surface)


def _series(primary: str, secondary: str, theme: str) -> list[str]:
    """Return three colours of a chart that differ, also from that of failures, for any team."""
    ground = SURFACE[theme]
    wanted = [
        readable(one, ground, SHAPE_CONTRAST) for one in (primary, secondary, *SERIES_CHOICES)
    ]
    taken = [FAILURE[theme]]
    for _ in range(3):
        apart = {one: min(_distance(one, other) for other in taken) for one in wanted}
        enough = (one for one in wanted if apart[one] >= SERIES_DISTANCE)
        taken.append(next(enough, max(wanted, key=apart.__getitem__)))
    return taken[1:]


@lru_cache(maxsize=1024)
def palette(primary: str, secondary: str) -> dict[str, str]:
    """Return the values of the style sheets' `--brand-…` variables; "" means our own colour.

    Raises ValueError for anything else than "" and `#rrggbb`.
    """
    primary = primary or DEFAULT_PRIMARY
    secondary = secondary or primary
    ink = text_on(primary)
    away = -HOVER_STEPS if ink == WHITE else HOVER_STEPS
    made = {
        "primary": primary,
        "on-primary": ink,
        "primary-hover": _moved(primary, away),
        "primary-rgb": ", ".join(str(value) for value in channels(primary)),
    }
    for theme in THEMES:
        made |= {f"{name}-{theme}": value for name, value in _themed(primary, secondary, theme)}
    return made


def _themed(primary: str, secondary: str, theme: str) -> list[tuple[str, str]]:
    link = readable(primary, HARDEST_GROUND[theme])
    # What would not stand out by itself would not show in a tint either.
    second = readable(secondary, SURFACE[theme], SHAPE_CONTRAST)
    tint = _tinted(second, theme, TINT_PERCENT[theme])
    one, two, three = _series(primary, secondary, theme)
    return [
        ("edge", readable(primary, SURFACE[theme], SHAPE_CONTRAST)),
        ("link", link),
        ("link-hover", _moved(link, -HOVER_STEPS if theme == "light" else HOVER_STEPS)),
        ("tint", tint),
        ("tint-ink", readable(second, tint)),
        ("bubble", _tinted(second, theme, BUBBLE_PERCENT[theme])),
        ("chart-one", one),
        ("chart-two", two),
        ("chart-three", three),
    ]


@lru_cache(maxsize=1024)
def stylesheet(primary: str, secondary: str) -> str:
    """Return the style sheet of a team: variables of made values, and nothing that was written."""
    rules = "".join(
        f"--brand-{name}:{value};" for name, value in palette(primary, secondary).items()
    )
    return f":root{{{rules}}}"


def style_hash(primary: str, secondary: str) -> str:
    """Return what the style sheet is called by: another one has another name."""
    return sha256(stylesheet(primary, secondary).encode()).hexdigest()[:HASH_LENGTH]


def corrections(colour: str) -> list[str]:
    """Return in words what is changed about `colour` so that it can be read, if anything is."""
    if not colour:
        return []
    words = {"light": "darker", "dark": "lighter"}
    return [
        f"Shown {words[theme]} ({shown}) as text in the {theme} theme."
        for theme in THEMES
        if (shown := readable(colour, HARDEST_GROUND[theme])) != colour
    ]
