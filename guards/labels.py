"""What categories and detectors are called on pages."""

from functools import cache

from guards.detectors import detectors


def category_label(value: str) -> str:
    """Return the words for a category: a detector's own, or its name as it reads best."""
    words = value.replace("_", " ").replace("-", " ").strip()
    return _categories().get(value) or words[:1].upper() + words[1:]


def detector_title(slug: str) -> str:
    """Return what a detector is called; its slug where it is no longer there."""
    return _titles().get(slug, slug)


@cache
def _categories() -> dict[str, str]:
    return dict(pair for one in detectors() for pair in one.categories)


@cache
def _titles() -> dict[str, str]:
    return {one.slug: one.title for one in detectors()}
