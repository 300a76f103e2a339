"""Which guards stand where, what they found, how good they are, and how projects word a refusal."""

from guards.models.bench import Expected, GuardCase, GuardResult, GuardRun, GuardSet
from guards.models.bindings import GuardBinding, GuardSettings, PlatformGuard
from guards.models.events import GuardEvent

__all__ = [
    "Expected",
    "GuardBinding",
    "GuardCase",
    "GuardEvent",
    "GuardResult",
    "GuardRun",
    "GuardSet",
    "GuardSettings",
    "PlatformGuard",
]
