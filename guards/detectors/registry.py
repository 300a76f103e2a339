"""The detectors there are."""

from functools import cache

from guards.detectors.base import Detector
from restai_site.lib.errors import NotFound


def detectors() -> tuple[Detector, ...]:
    """Return all detectors, in the order in which they are offered."""
    return tuple(_by_slug().values())


def detector(slug: str) -> Detector:
    """Return one detector. Raises `NotFound`."""
    try:
        return _by_slug()[slug]
    except KeyError:
        raise NotFound("There is no such detector.") from None


@cache
def _by_slug() -> dict[str, Detector]:
    from guards.detectors.classifier import Classifier
    from guards.detectors.injection import Injection
    from guards.detectors.patterns import Patterns
    from guards.detectors.personal_data import PersonalData
    from guards.detectors.secrets import Secrets

    found = (PersonalData(), Secrets(), Patterns(), Injection(), Classifier())
    return {one.slug: one for one in found}
