"""Taking people out of the audit trail who are gone, so that it can still be verified."""
