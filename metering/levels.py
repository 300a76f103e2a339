"""By what the roll-ups of use are grouped, so that each question reads few rows.

A level is a list of dimensions. Its rows are sums over calls that agree in those; the columns of
the other dimensions hold 0 or "".
"""

from collections.abc import Iterable

DIMENSIONS = ("team_id", "project_id", "user_id", "api_key_id", "model_name", "kind")
MEMBER = "member"
KEY = "key"
# From the smallest to the largest. Each but KEY, which leaves out calls without a key, holds every
# call once.
LEVELS: dict[str, tuple[str, ...]] = {
    "all": (),
    "model": ("model_name", "kind"),
    "team": ("team_id",),
    "project": ("team_id", "project_id"),
    "team_model": ("team_id", "model_name", "kind"),
    "project_model": ("team_id", "project_id", "model_name", "kind"),
    "user": ("user_id",),
    KEY: ("user_id", "api_key_id"),
    MEMBER: DIMENSIONS,
}
# What the leaders of the whole platform are read from: there are rows of windows too.
WINDOWED = ("team", "project", "user", KEY)
OF_TEAMS = tuple(level for level, names in LEVELS.items() if "team_id" in names)


def level_for(needed: Iterable[str]) -> str:
    """Return the smallest level that tells apart what differs in the dimensions `needed`."""
    wanted = set(needed)
    return next(level for level, names in LEVELS.items() if wanted <= set(names))


def has_windows(level: str) -> bool:
    """Return whether the level has rows of windows."""
    return level in WINDOWED
