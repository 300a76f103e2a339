"""Detectors that need no model provider: by rules, checksums and one small trained classifier."""

from guards.detectors.base import Configuration, Detector
from guards.detectors.registry import detector, detectors

__all__ = ["Configuration", "Detector", "detector", "detectors"]
