"""Measuring the platform: a mock provider, a load generator, and the run that joins them."""
