"""Backups: everything that the database holds, in one file, and how to go back to it."""
