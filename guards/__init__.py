"""Verdicts on text. Holds no models yet; the pipeline calls into this layer."""
