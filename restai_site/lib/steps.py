"""Long work on the database in small steps that hold nothing up."""

import time
from collections.abc import Callable

# After each step the database is left alone for this share of the time that the step took.
REST = 0.1


def in_steps(step: Callable[[], bool]) -> None:
    """Call `step` as long as it says that there is more, with a rest after each."""
    began = time.monotonic()
    while step():
        time.sleep((time.monotonic() - began) * REST)
        began = time.monotonic()
