"""The pages of the audit trail; the trail itself is the app `audit`, which knows no people."""
