"""Several acts at the same moment, each with its own connection to the database."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

from django.db import connection

from restai_site.lib.errors import DomainError


def together(acts) -> list:
    """Do all at the same moment, in threads; return what each returned."""
    start = Barrier(len(acts))

    def run(act):
        start.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def at_once(*acts) -> list[str]:
    """Do all at the same moment, in threads; return, sorted, "done" or the name of an error."""

    def run(act):
        try:
            act()
        except DomainError as error:
            return type(error).__name__
        finally:
            connection.close()
        return "done"

    return sorted(together([partial(run, act) for act in acts]))
