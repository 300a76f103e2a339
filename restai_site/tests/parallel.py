"""Several acts at the same moment, each with its own connection to the database."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection

from restai_site.lib.errors import DomainError


def at_once(*acts) -> list[str]:
    """Do all at the same moment, in threads; return, sorted, "done" or the name of an error."""
    start = Barrier(len(acts))

    def run(act):
        start.wait()
        try:
            act()
        except DomainError as error:
            return type(error).__name__
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(acts)) as threads:
        return sorted(threads.map(run, acts))
