"""The chain over the audit trail: docs/audit.md describes it for whoever wants to verify it."""
