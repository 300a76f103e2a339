"""The security posture of the installation as a whole; its page, its API and what they check.

Importing this package declares the checks of its modules, as importing `posture.py` does in an app.
"""

from restai_site.posture import background, database, deployment, network, secret_values

__all__ = ["background", "database", "deployment", "network", "secret_values"]
