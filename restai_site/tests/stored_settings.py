"""What a test process knows of the platform settings that are stored."""

import time

from restai_site.lib import configuration


def believe_that_nothing_is_stored() -> None:
    """Let this process know what is true when a test begins, without a query.

    Queries that come by themselves would spoil counts, and tests without a database.
    """
    snapshot = configuration._Snapshot(revision=0, read_at=time.monotonic(), values={}, built={})
    configuration._State.snapshot = snapshot
