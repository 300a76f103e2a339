"""A filter of detect-secrets, named in `.secrets.baseline`."""

from pathlib import PurePath

from detect_secrets.plugins.base import BasePlugin
from detect_secrets.plugins.keyword import KeywordDetector


def is_made_up_in_a_test(filename: str, secret: str, plugin: BasePlugin) -> bool:
    """Return whether `secret` is what a test sets something like `password` to: it is made up.

    What looks like a real key is found in tests too, by the other detectors.
    """
    return isinstance(plugin, KeywordDetector) and "tests" in PurePath(filename).parts
