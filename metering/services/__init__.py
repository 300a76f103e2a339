"""What can be done to the limits of use. Each service checks, writes and records."""

from metering.services.rate_limits import set_project_rate

__all__ = ["set_project_rate"]
