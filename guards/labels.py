"""What detectors are called on pages; for categories see `guards.engine.label_of`."""

from functools import cache

from guards.detectors import detectors


def detector_title(slug: str) -> str:
    """Return what a detector is called; its slug where it is no longer there."""
    return _titles().get(slug, slug)


@cache
def _titles() -> dict[str, str]:
    return {one.slug: one.title for one in detectors()}
