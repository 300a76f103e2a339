"""Who still uses the projects that are answering them."""

from accounts.watch import PROJECT, Pairs, place
from projects.permissions.effective import Level, still_at_least


@place(PROJECT)
def still_reached(pairs: Pairs) -> Pairs:
    """Return those of `pairs` of user and project in which the user still uses the project."""
    return still_at_least(pairs, Level.USE)
