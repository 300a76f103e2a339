"""Whose certificates are believed when a connection is encrypted.

Reading the authorities of the system costs tens of milliseconds of CPU, many times an encrypted
connection itself, so contexts are kept.
"""

import ssl
from functools import lru_cache
from pathlib import Path


def tls_context(protocol: str, authorities: str = "") -> ssl.SSLContext:
    """Return a context that verifies certificates and names, the same one while nothing changes.

    `protocol` is what is spoken inside: each has a context of its own, since libraries write into
    theirs what they offer. `authorities` are certificates in PEM; without them the system's are
    believed, and read anew when their file or the variable that names it has changed. Raises
    ssl.SSLError where `authorities` hold no certificate, TypeError where they are not ASCII.
    """
    return _kept(protocol, authorities, *(() if authorities else _system()))


@lru_cache(maxsize=16)
def _kept(_protocol: str, authorities: str, *_system: object) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authorities or None)


def _system() -> tuple[object, ...]:
    """Return what the system's authorities depend on."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile, _changed_at(paths.cafile), paths.capath, _changed_at(paths.capath)


def _changed_at(path: str | None) -> int | None:
    try:
        return Path(path).stat().st_mtime_ns if path else None
    except OSError:
        return None
