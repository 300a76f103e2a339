"""Which guards stand where, what they found, and how projects word a refusal."""

from guards.models.bindings import GuardBinding, GuardSettings, PlatformGuard
from guards.models.events import GuardEvent

__all__ = ["GuardBinding", "GuardEvent", "GuardSettings", "PlatformGuard"]
