"""Helpers without models, on which every app may stand."""
