"""The trail of this installation, verified."""

from collections.abc import Sequence

from audit.chain import reading
from audit.chain.checkpoints import Checkpoint
from audit.chain.keys import keys
from audit.chain.verifying import Problem, Report, StoredRow, Trust, check_waiting, verify


def verify_trail(checkpoints: Sequence[Checkpoint] = ()) -> Report:
    """Verify the tables, as of one moment, with the keys in AUDIT_KEY."""
    trust = Trust.in_keys(keys())
    with reading.one_moment():
        report = verify(reading.stored_seals(), trust, checkpoints, reading.stored_cuts())
        waiting = reading.waiting_ids()
        queued: list[StoredRow] = []
        for row in reading.rows_in_no_seal():
            if row.id in waiting:
                queued.append(row)
            else:
                report.add(Problem("is in no seal and does not wait for one", entry=row.id))
        check_waiting(report, queued, trust)
        for entry_id in reading.entries_twice():
            report.add(Problem("is there a second time", entry=entry_id))
        gone = waiting - {row.id for row in queued}
        for entry_id in sorted(gone)[:1]:
            report.add(Problem("went while it waited for its seal", entry=entry_id))
    return report
