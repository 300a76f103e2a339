"""The audit trail: every change, who made it, and when."""
