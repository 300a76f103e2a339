"""Setting how often projects may be called; keeping to it is `metering.rate_limits`."""
