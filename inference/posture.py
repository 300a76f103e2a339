"""What the security posture asks of conversations."""

from restai_site.lib.posture import Area, Finding, State, check, failed


@check("retention", "Retention", Area.DATA, State.WARNING)
def retention() -> Finding:
    return failed(
        "There is no retention yet: conversations are kept until somebody deletes them, "
        "the ledger of use for ever."
    )
