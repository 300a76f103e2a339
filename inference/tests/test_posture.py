"""What the security posture finds about conversations."""

from restai_site.tests.posture import outcome, told


def test_that_there_is_no_retention_is_said():
    assert told(outcome("retention")) == (
        "warning",
        (
            "There is no retention yet: conversations are kept until somebody deletes them, "
            "the ledger of use for ever."
        ),
    )
