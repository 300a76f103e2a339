"""Models that can be called, and the accounts at their providers."""
