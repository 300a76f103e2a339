"""Asking one check of the security posture."""

from restai_site.lib.posture import Result, checks, run


def outcome(slug: str) -> Result:
    """Return what the check `slug` finds now."""
    (only,) = [check for check in checks() if check.slug == slug]
    return run([only]).results[0]


def told(result: Result) -> tuple[str, str]:
    """Return the state and the reason."""
    return result.state.value, result.finding.reason


def names(result: Result) -> list[str]:
    """Return the names of the examples."""
    return [example.name for example in result.finding.found.examples]
